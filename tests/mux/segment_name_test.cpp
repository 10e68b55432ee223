#include "mux/segment_name.h"

#include <doctest/doctest.h>

#include <ctime>
#include <initializer_list>
#include <stdexcept>
#include <string>

using namespace smartcodec;

namespace {

/// A moment of local time.
WallTime local(int year, int month, int day, int hour, int minute, int second) {
    std::tm time{};
    time.tm_year = year - 1900;
    time.tm_mon = month - 1;
    time.tm_mday = day;
    time.tm_hour = hour;
    time.tm_min = minute;
    time.tm_sec = second;
    time.tm_isdst = -1;
    return std::chrono::system_clock::from_time_t(std::mktime(&time));
}

const WallTime kMoment = local(2026, 11, 3, 7, 5, 9);

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a segment is named after its start and its number") {
        struct Expected {
            const char* pattern;
            const char* folder;
            const char* name;
        };
        for (const auto& [pattern, folder, name] : std::initializer_list<Expected>{
                 {"rec/%Y-%m-%d/%H-%M-%S.mp4", "rec", "2026-11-03/07-05-09.mp4"},
                 {"/a/b/%Y%m%d.mp4", "/a/b", "20261103.mp4"},
                 {"%Y.mp4", ".", "2026.mp4"},
                 {"/%Y.mp4", "/", "2026.mp4"},
                 {"rec/x%i.mp4", "rec", "x12.mp4"},
                 {"rec/x%04i-%H.mp4", "rec", "x0012-07.mp4"},
                 {"rec/x%1i.mp4", "rec", "x12.mp4"},
                 {"rec/%%%i.mp4", "rec", "%12.mp4"},
                 {"cam%i/x/%M.mp4", ".", "cam12/x/05.mp4"},
             }) {
            CAPTURE(pattern);
            const SegmentName segment(pattern);
            CHECK(segment.folder() == folder);
            CHECK(segment.name(kMoment, 12) == name);
        }
    }

    TEST_CASE("a name without a conversion gets a number") {
        CHECK(SegmentName("video.mp4").name(kMoment, 7) == "video-0007.mp4");
        CHECK(SegmentName("rec.d/video").name(kMoment, 7) == "video-0007");
        CHECK(SegmentName("rec.d/video").folder() == "rec.d");
        CHECK(SegmentName("rec/.mp4").name(kMoment, 7) == ".mp4-0007");
        CHECK(SegmentName("rec/100%%.mp4").name(kMoment, 7) == "100%-0007.mp4");
        CHECK(SegmentName("video.mp4").name(kMoment, 123456) == "video-123456.mp4");
        CHECK(SegmentName("video.mp4").hasNumber());
        CHECK_FALSE(SegmentName("%H.mp4").hasNumber());
    }

    TEST_CASE("a conversion that gives no part of a name is refused and named") {
        for (const char* pattern : {"%D.mp4", "a%q.mp4", "a%", "%05d.mp4", "%c.mp4", "%n", "%-d.mp4", "%99i.mp4"}) {
            CAPTURE(pattern);
            CHECK_THROWS_AS(SegmentName{pattern}, std::runtime_error);
        }
        CHECK_THROWS_WITH(SegmentName("a/%q.mp4"), doctest::Contains("%q has no meaning"));
    }
}
