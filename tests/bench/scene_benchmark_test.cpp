#include "bench/scene_benchmark.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <stdexcept>

#include "capture/scene_source.h"

namespace smartcodec::bench {
namespace {

constexpr SceneBenchmarkOptions tiny() {
    return {.scripts = {}, .size = {96, 64}, .pictures = 5};
}

TEST_SUITE("integration") {
    TEST_CASE("each script is drawn and encoded once for every picture") {
        const auto results = benchmarkScene(tiny());
        REQUIRE(results.size() == sceneScripts().size());
        for (std::size_t i = 0; i < results.size(); ++i) {
            CHECK(results[i].script == sceneScripts()[i].name);
            CHECK(results[i].pictures == 5);
            CHECK(results[i].scenePicturesPerSecond > 0);
            CHECK(results[i].encoderPicturesPerSecond > 0);
        }
    }

    TEST_CASE("the thread may run where it could before the scene was timed") {
        cpu_set_t before;
        cpu_set_t after;
        REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
        SceneBenchmarkOptions options = tiny();
        options.scripts = {"empty"};
        CHECK(benchmarkScene(options).size() == 1);
        REQUIRE(sched_getaffinity(0, sizeof(after), &after) == 0);
        CHECK(CPU_EQUAL(&before, &after));
    }

    TEST_CASE("a script that is not there is refused") {
        SceneBenchmarkOptions options = tiny();
        options.scripts = {"nowhere"};
        CHECK_THROWS_AS((void)benchmarkScene(options), std::runtime_error);
    }
}

TEST_SUITE("unit") {
    TEST_CASE("the ratio of a scene's speed to the encoder's is printed for people and programs") {
        const std::vector<SceneBenchmark> results{
            {.script = "street", .pictures = 90, .scenePicturesPerSecond = 300, .encoderPicturesPerSecond = 120}};
        CHECK(results.front().ratio() == doctest::Approx(2.5));
        CHECK(toText(results).find("street           90      300        120     2.50\n") != std::string::npos);
        const std::string json = toJson(results);
        for (const char* part : {"\"script\": \"street\"", "\"pictures\": 90", "\"scenePicturesPerSecond\": 300.0",
                                 "\"encoderPicturesPerSecond\": 120.0", "\"ratio\": 2.5"})
            CHECK(json.find(part) != std::string::npos);
    }
}

}  // namespace
}  // namespace smartcodec::bench
