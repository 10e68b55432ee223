#include "bench/segments_benchmark.h"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace smartcodec::bench {
namespace {

using namespace std::chrono_literals;

SegmentsBenchmarkOptions tinyScene() {
    return {.source = SceneConfig{.size = {64, 48}}, .duration = 3s, .runs = 2, .segment = 1s};
}

TEST_SUITE("integration") {
    TEST_CASE("a source is recorded plain and in segments as often as asked for") {
        const SegmentsBenchmark result = benchmarkSegments(tinyScene());
        CHECK(result.source == "scene corridor");
        REQUIRE(result.plain.size() == 2);
        REQUIRE(result.segmented.size() == 2);
        for (const auto& costs : {result.plain, result.segmented}) {
            for (const RecordingCost& cost : costs) {
                CHECK(cost.wall > 0);
                CHECK(cost.processor > 0);
            }
        }
    }

    TEST_CASE("a recording that fails is no measurement") {
        SegmentsBenchmarkOptions options = tinyScene();
        options.source = FileSourceConfig{.path = "/nowhere.mp4", .width = {}, .height = {}};
        CHECK_THROWS_AS((void)benchmarkSegments(options), std::runtime_error);
    }
}

TEST_SUITE("unit") {
    TEST_CASE("the cost of segments is told by medians for people and programs") {
        SegmentsBenchmark result{.source = "street.mp4", .plain = {}, .segmented = {}};
        for (const double wall : {2.0, 9.0, 1.0})
            result.plain.push_back({.wall = wall, .processor = 4 * wall});
        for (const double wall : {2.05, 2.1, 0.5})
            result.segmented.push_back({.wall = wall, .processor = 4 * wall});
        CHECK(result.plainMedian().wall == 2.0);
        CHECK(result.segmentedMedian().processor == doctest::Approx(8.2));
        CHECK(result.surplusPercent().wall == doctest::Approx(2.5));
        result.plain.push_back({.wall = 3.0, .processor = 12});
        CHECK(result.plainMedian().wall == doctest::Approx(2.5));  // of an even number, between the two
        result.plain.pop_back();
        CHECK(toText(result).find("median          2.000      2.050      8.000      8.200\n") != std::string::npos);
        CHECK(toText(result).find("segments take +2.50 % wall clock and +2.50 % processor time") != std::string::npos);
        CHECK(toJson(result).find("\"plain_median_s\": {\n    \"wall\": 2.0,") != std::string::npos);
    }
}

}  // namespace
}  // namespace smartcodec::bench
