#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"

namespace smartcodec::test {

/// Checks that index and folder say the same, and that everything in it plays, after a power cut but for the end of
/// what it cut off. Returns the seconds of all of it.
inline double checkSegments(const std::string& folder, bool powerCut = false) {
    std::vector<std::string> listed;
    double seconds = 0;
    for (const SegmentRecord& segment : listedSegments(folder)) {
        CAPTURE(segment.file);
        listed.push_back(segment.file);
        CHECK(segment.state != SegmentRecord::State::Recording);
        const bool torn = powerCut && segment.state == SegmentRecord::State::CutOff;
        const RecordedFile file =
            torn ? readUntilDamage(folder + "/" + segment.file) : readRecording(folder + "/" + segment.file);
        CHECK((torn ? file.times.size() <= segment.frames : file.times.size() == segment.frames));
        REQUIRE(!file.times.empty());
        CHECK(file.keyTimes.at(0) == doctest::Approx(0));
        CHECK(std::filesystem::file_size(folder + "/" + segment.file) == segment.bytes);
        REQUIRE(segment.sensorStart);
        REQUIRE(segment.sensorEnd);
        const double length = std::chrono::duration<double>(*segment.sensorEnd - *segment.sensorStart).count();
        CHECK((torn ? file.videoEnd < length + 0.002 : std::abs(file.videoEnd - length) < 0.002));
        seconds += file.videoEnd;
    }
    CHECK(listed == filesIn(folder));
    return seconds;
}

}  // namespace smartcodec::test
