#include "app/summary.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace smartcodec;

namespace {

RecordingSummary example() {
    RecordingSummary summary;
    summary.source = "street.mp4";
    summary.output = "video.mp4";
    summary.encoder = "libx264";
    summary.framesIn = 100;
    summary.framesRecorded = 40;
    summary.recordedByReason = {{FrameReason::FirstFrame, 1}, {FrameReason::Motion, 39}};
    summary.droppedByReason = {{FrameReason::NothingMoved, 60}};
    summary.keyFramesByReason = {{KeyFrameReason::FirstFrame, 1}};
    summary.bytes = 510'000;
    summary.videoBytes = 500'000;
    summary.comparedRate = {4'000'000};
    summary.duration = std::chrono::seconds(4);
    return summary;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the share of bits saved is against the fixed rate over the same time") {
        CHECK(example().videoBitrate().bitsPerSecond == 1'000'000);
        CHECK(example().savedShare() == doctest::Approx(0.75));
        RecordingSummary fixed = example();
        fixed.comparedRate = {};
        CHECK_FALSE(fixed.savedShare().has_value());
    }

    TEST_CASE("the exit status tells a whole recording from one cut short and from none") {
        RecordingSummary summary = example();
        CHECK(summary.exitStatus() == 0);
        summary.failure = "disk full";
        CHECK(summary.exitStatus() == 1);
        summary.framesRecorded = 0;
        CHECK(summary.exitStatus() == 2);
    }

    TEST_CASE("the JSON has the same figures") {
        const auto json = nlohmann::json::parse(toJson(example()));
        CHECK(json["frames_in"] == 100);
        CHECK(json["frames_recorded"] == 40);
        CHECK(json["frames_dropped"] == 60);
        CHECK(json["dropped_by_reason"]["nothing_moved"] == 60);
        CHECK(json["key_frames_by_reason"]["first_frame"] == 1);
        CHECK(json["saved_share_estimate"] == doctest::Approx(0.75));
        CHECK(json["failure"].is_null());
    }

    TEST_CASE("a recording of events in which nothing happened is a whole one") {
        RecordingSummary summary = example();
        summary.framesRecorded = 0;
        summary.events = EventSummary{.count = 0, .time = {}, .framesBetween = 40};
        CHECK(summary.exitStatus() == 0);
        summary.failure = "broken encoder";
        CHECK(summary.exitStatus() == 1);
        summary.framesIn = 0;
        CHECK(summary.exitStatus() == 2);
    }

    TEST_CASE("events and what a slow disk cost are told") {
        RecordingSummary summary = example();
        CHECK(toText(summary).find("events") == std::string::npos);
        CHECK(toText(summary).find("disk busy") == std::string::npos);
        CHECK_FALSE(nlohmann::json::parse(toJson(summary)).contains("events"));
        summary.events = EventSummary{.count = 3, .time = std::chrono::milliseconds(61'500), .framesBetween = 700};
        summary.framesDiskBusy = 25;
        const std::string text = toText(summary);
        CHECK(text.find("events         3, 61.50 s together; 700 frames between them") != std::string::npos);
        CHECK(text.find("disk busy      25 ") != std::string::npos);
        const auto json = nlohmann::json::parse(toJson(summary));
        CHECK(json["events"]["count"] == 3);
        CHECK(json["events"]["time_s"] == 61.5);
        CHECK(json["events"]["frames_between"] == 700);
        CHECK(json["frames_disk_busy"] == 25);
    }

    TEST_CASE("what failed at the camera is not said to have come too fast") {
        RecordingSummary summary = example();
        summary.framesDroppedAtSource = 5;
        summary.framesFailed = 2;
        CHECK(toText(summary).find("too fast       3 (") != std::string::npos);
        CHECK(toText(summary).find("failed         2 (") != std::string::npos);
        const auto json = nlohmann::json::parse(toJson(summary));
        CHECK(json["frames_dropped_at_source"] == 5);
        CHECK(json["frames_failed"] == 2);
        summary.framesDroppedAtSource = 2;
        CHECK(toText(summary).find("too fast") == std::string::npos);
    }

    TEST_CASE("what the disk cost is told and does not count among the time recorded") {
        RecordingSummary summary = example();
        summary.framesLost = 30;
        summary.framesLostToDisk = 28;
        summary.diskOutages = 2;
        summary.timeLost = std::chrono::milliseconds(1500);
        summary.framesDiskBusy = 9;
        const std::string text = toText(summary);
        CHECK(text.find("lost           30 (28 of them to the disk)") != std::string::npos);
        CHECK(text.find("disk busy      9 (") != std::string::npos);
        CHECK(text.find("disk           lacks 1.5 s; it failed 2 times\n") != std::string::npos);
        const auto json = nlohmann::json::parse(toJson(summary));
        CHECK(json["frames_lost"] == 30);
        CHECK(json["frames_lost_to_disk"] == 28);
        CHECK(json["disk_outages"] == 2);
        CHECK(json["lost_s"] == doctest::Approx(1.5));
        CHECK(summary.videoBitrate().bitsPerSecond == 1'600'000);
        CHECK(summary.savedShare() == doctest::Approx(0.6));
    }

    TEST_CASE("a file name that is no UTF-8 does not spoil the JSON") {
        RecordingSummary summary = example();
        summary.source =
            "stra\xdf"
            "e.mp4";
        CHECK(nlohmann::json::accept(toJson(summary)));
    }

    TEST_CASE("the text calls the saving an estimate and says against what") {
        const std::string text = toText(example());
        CHECK(text.find("75.0 % (estimate: against a fixed 4.00 Mbit/s") != std::string::npos);
        CHECK(text.find("nothing moved 60") != std::string::npos);
    }
}
