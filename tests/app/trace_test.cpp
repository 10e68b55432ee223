#include "app/trace.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using test::TemporaryFolder;

TEST_SUITE("unit") {
    TEST_CASE("a trace line tells the decision and what it was drawn from") {
        const TemporaryFolder folder;
        TraceWriter trace(folder / "trace.jsonl");
        Decision decision;
        decision.reason = FrameReason::Motion;
        decision.keyFrame = true;
        decision.keyFrameReason = KeyFrameReason::MaxGop;
        decision.level = Level::Medium;
        decision.bitrate = {700'000};
        decision.qpMap = {2, 2, {-4, 0, 2, 6}};
        decision.measurement.movingShare = 0.25;
        trace.write(7, std::chrono::milliseconds(280), decision);
        decision.record = false;
        trace.write(8, std::chrono::milliseconds(320), decision);
        REQUIRE(trace.finish());

        std::ifstream file(folder / "trace.jsonl");
        std::string text;
        REQUIRE(std::getline(file, text));
        const auto line = nlohmann::json::parse(text);
        CHECK(line["index"] == 7);
        CHECK(line["time_s"] == doctest::Approx(0.28));
        CHECK(line["record"] == true);
        CHECK(line["reason"] == "motion");
        CHECK(line["key_frame"] == true);
        CHECK(line["key_frame_reason"] == "max gop");
        CHECK(line["level"] == "medium");
        CHECK(line["bitrate_bps"] == 700'000);
        CHECK(line["moving_share"] == 0.25);
        CHECK(line["qp_delta_mean"] == 1.0);
        CHECK(line["qp_delta_min"] == -4);
        CHECK(line["qp_delta_max"] == 6);
        REQUIRE(std::getline(file, text));
        CHECK(nlohmann::json::parse(text)["key_frame"] == false);
        CHECK_FALSE(nlohmann::json::parse(text).contains("qp_delta_mean"));
        CHECK_FALSE(std::getline(file, text));
    }

    TEST_CASE("a trace that cannot be created names its file") {
        CHECK_THROWS_WITH_AS(TraceWriter("/nonexistent/trace.jsonl"), doctest::Contains("/nonexistent/trace.jsonl"),
                             std::system_error);
    }

    TEST_CASE("a discarded trace leaves no file") {
        const TemporaryFolder folder;
        TraceWriter trace(folder / "trace.jsonl");
        trace.discard();
        CHECK_FALSE(std::filesystem::exists(folder / "trace.jsonl"));
    }
}
