#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "app/options.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

Settings parse(const std::vector<std::string>& arguments) {
    std::vector<const char*> raw{"smartcodec", "--scene", "-o", "%H.mp4"};
    for (const std::string& argument : arguments)
        raw.push_back(argument.c_str());
    return parseCommandLine(static_cast<int>(raw.size()), raw.data()).settings;
}

/// The message that the command line is refused with; empty if it is taken.
std::string refusal(const std::vector<std::string>& arguments) {
    try {
        (void)parse(arguments);
        return {};
    } catch (const UsageError& error) {
        return error.what();
    }
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("times and sizes have units") {
        CHECK(readTimeSpan("30s") == 30s);
        CHECK(readTimeSpan("1.5s") == 1500ms);
        CHECK(readTimeSpan("10min") == 10min);
        CHECK(readTimeSpan("1h") == 1h);
        CHECK(readTimeSpan("7d") == 168h);
        for (const char* text : {"", "s", "10", "10m", "10 min", "-1s", "1h30min", "nans", "1d1", "99999999d"}) {
            CAPTURE(text);
            CHECK_FALSE(readTimeSpan(text));
        }
        CHECK(readByteCount("500kB") == 500'000U);
        CHECK(readByteCount("100MB") == 100'000'000U);
        CHECK(readByteCount("1.5GB") == 1'500'000'000U);
        CHECK(readByteCount("2TB") == 2'000'000'000'000U);
        CHECK(readByteCount("1MiB") == 1U << 20U);
        for (const char* text : {"", "MB", "100", "100M", "100mb", "-1MB", "1 MB", "99999999TB"}) {
            CAPTURE(text);
            CHECK_FALSE(readByteCount(text));
        }
    }

    TEST_CASE("without the option a recording is one file whose name means nothing") {
        CHECK_FALSE(parse({}).segments);
        CHECK(parse({}).output == "%H.mp4");
    }

    TEST_CASE("segments are of a length or a size or both") {
        CHECK(parse({"--segment", "10min"}).segments->length == 10min);
        CHECK_FALSE(parse({"--segment", "10min"}).segments->bytes);
        CHECK(parse({"--segment", "100MB"}).segments->bytes == 100'000'000U);
        CHECK_FALSE(parse({"--segment", "100MB"}).segments->length);
        const SegmentSettings both = *parse({"--segment", "1h,100MB"}).segments;
        CHECK(both.length == 1h);
        CHECK(both.bytes == 100'000'000U);
        CHECK_FALSE(both.aligned);
        CHECK_FALSE(both.keep.any());
        CHECK_FALSE(both.rotateWhenFull);
        CHECK(both.command.empty());
        for (const char* bad : {"10", "0s", "0.5s", "1kB", "x", "32d"}) {
            CAPTURE(bad);
            CHECK(contains(refusal({"--segment", bad}), std::string("--segment ") + bad + ": give a length"));
        }
        CHECK(contains(refusal({"--segment", "1h,2h"}), "--segment 2h: there is another time already"));
    }

    TEST_CASE("aligned segments divide a day") {
        CHECK(parse({"--segment", "10min", "--segment-align"}).segments->aligned);
        CHECK(parse({"--segment", "1d", "--segment-align"}).segments->aligned);
        CHECK(contains(refusal({"--segment", "7min", "--segment-align"}), "days are not made of pieces of 7min"));
        CHECK(contains(refusal({"--segment", "2d", "--segment-align"}), "days are not made of pieces"));
        CHECK(contains(refusal({"--segment", "1GB", "--segment-align"}), "--segment-align: only with a length"));
    }

    TEST_CASE("what is kept is an age and a size and what the disk has left") {
        const RetentionLimits keep =
            parse({"--segment", "1h", "--keep", "7d,20GB", "--keep-free", "1GB"}).segments->keep;
        CHECK(keep.age == 168h);
        CHECK(keep.bytes == 20'000'000'000U);
        CHECK(keep.freeBytes == 1'000'000'000U);
        CHECK(parse({"--segment", "1h", "--keep", "7d", "--keep", "20GB"}).segments->keep.bytes == 20'000'000'000U);
        CHECK(contains(refusal({"--segment", "1h", "--keep", "7"}), "--keep 7: give an age such as 12h or 7d"));
        CHECK(contains(refusal({"--segment", "1h", "--keep", "7d,8d"}), "--keep 8d: there is another time"));
        CHECK(contains(refusal({"--segment", "1h", "--keep-free", "7d"}), "--keep-free 7d: give a size such as 1GB"));
    }

    TEST_CASE("a full disk stops or rotates") {
        CHECK_FALSE(parse({"--segment", "1h", "--on-full", "stop"}).segments->rotateWhenFull);
        CHECK(parse({"--segment", "1h", "--on-full", "rotate"}).segments->rotateWhenFull);
        CHECK(contains(refusal({"--segment", "1h", "--on-full", "die"}), "--on-full die: give stop or rotate"));
        CHECK(refusal({"--on-full", "stop"}).empty());
        CHECK(contains(refusal({"--on-full", "rotate"}), "--on-full rotate: only with --segment"));
    }

    TEST_CASE("a command is words whose program is there") {
        CHECK(parse({"--segment", "1h", "--on-segment", "sh -c 'a b' {}"}).segments->command ==
              std::vector<std::string>{"sh", "-c", "a b", "{}"});
        CHECK(contains(refusal({"--segment", "1h", "--on-segment", "no-such-program-there {}"}),
                       "there is no program 'no-such-program-there'"));
        CHECK(contains(refusal({"--segment", "1h", "--on-segment", "sh 'a"}), "a quote is not closed"));
        CHECK(contains(refusal({"--segment", "1h", "--on-segment", " "}), "give a program"));
    }

    TEST_CASE("events have a pre-roll and a post-roll and are segments of their own") {
        CHECK_FALSE(parse({}).events);
        const Settings settings = parse({"--events"});
        REQUIRE(settings.events);
        CHECK(settings.events->preRoll == 5s);
        CHECK(settings.events->postRoll == 10s);
        REQUIRE(settings.segments);
        CHECK_FALSE(settings.segments->length);
        CHECK_FALSE(settings.segments->bytes);
        const Settings all = parse({"--events", "--pre-roll", "0s", "--post-roll", "1min", "--segment", "10min",
                                    "--keep", "7d", "--on-full", "rotate"});
        CHECK(all.events->preRoll == 0s);
        CHECK(all.events->postRoll == 1min);
        CHECK(all.segments->length == 10min);
        CHECK(all.segments->keep.age == 168h);
        CHECK(all.segments->rotateWhenFull);
        CHECK(parse({"--events", "--smart", "off"}).events);
        CHECK(parse({"--events", "--keep-free", "1GB"}).segments->keep.freeBytes == 1'000'000'000U);
    }

    TEST_CASE("key frames are never further apart than the pre-roll is long") {
        CHECK(parse({"--events"}).maxGop == 5s);
        CHECK(parse({"--events", "--pre-roll", "20s"}).maxGop == 10s);
        CHECK(parse({"--events", "--max-gop", "2"}).maxGop == 2s);
        CHECK(parse({"--events", "--pre-roll", "0s"}).maxGop == 1s);
        CHECK(parse({"--pre-roll", "5s", "--events", "--max-gop", "8"}).maxGop == 5s);
    }

    TEST_CASE("a pre-roll or post-roll that cannot be is refused") {
        for (const char* bad : {"-1s", "5", "six", "6min", ""}) {
            CAPTURE(bad);
            CHECK(contains(refusal({"--events", "--pre-roll", bad}), "give a time such as 5s, from 0s to 5min"));
        }
        for (const char* bad : {"-1s", "0s", "10", "2h"}) {
            CAPTURE(bad);
            CHECK(contains(refusal({"--events", "--post-roll", bad}),
                           std::string("--post-roll ") + bad + ": give a time such as 5s, from 1s to 1h"));
        }
        CHECK(refusal({"--pre-roll", "5s"}) == "--pre-roll 5s: only with --events");
        CHECK(refusal({"--post-roll", "5s"}) == "--post-roll 5s: only with --events");
        CHECK(contains(refusal({"--events", "--segment-align"}), "--segment-align: only with a length"));
    }

    TEST_CASE("what is of segments alone is refused without them") {
        for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--segment-align"},
                                                          {"--keep", "7d"},
                                                          {"--keep-free", "1GB"},
                                                          {"--on-segment", "sh"}}) {
            CHECK(contains(refusal(arguments), arguments.front() + ": only with --segment"));
        }
    }

    TEST_CASE("a name that cannot be one is refused") {
        CHECK(contains(refusal({"--segment", "1h", "-o", "a%q.mp4"}), "give it once"));
        const auto refusalOf = [](const std::string& pattern) {
            const std::vector<const char*> raw{"smartcodec", "--scene", "--segment", "1h", "-o", pattern.c_str()};
            try {
                (void)parseCommandLine(static_cast<int>(raw.size()), raw.data());
                return std::string();
            } catch (const UsageError& error) {
                return std::string(error.what());
            }
        };
        CHECK(contains(refusalOf("a%q.mp4"), "--output 'a%q.mp4': %q has no meaning in a name"));
        CHECK(contains(refusalOf("%Y/../x.mp4"), "is no name of a file"));
        CHECK(contains(refusalOf("%Y//x.mp4"), "is no name of a file"));
        CHECK(contains(refusalOf("%Y/"), "is no name of a file"));
        CHECK(contains(refusalOf("\xff%Y.mp4"), "must be UTF-8"));
        CHECK(refusalOf("../%Y.mp4").empty());  // the folder is the user's
    }
}
