#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/options.h"
#include "app/pipeline.h"
#include "tests/app/fakes.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

Settings parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"smartcodec", "--scene"});
    return parseCommandLine(static_cast<int>(arguments.size()), arguments.data()).settings;
}

std::string refusal(const std::vector<const char*>& arguments) {
    try {
        (void)parse(arguments);
        return {};
    } catch (const UsageError& error) {
        return error.what();
    }
}

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Sequence parameter sets of the stream: one for each key frame, which would not be decoded without.
std::size_t countSets(const std::string& path, Codec codec) {
    const std::string data = contents(path);
    const std::string set = codec == Codec::H264 ? std::string("\0\0\1\x67", 4) : std::string("\0\0\1\x42\1", 5);
    std::size_t found = 0;
    for (std::size_t at = data.find(set); at != std::string::npos; at = data.find(set, at + 1))
        ++found;
    return found;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

/// A scene with several key frames.
std::vector<std::string> scene(const std::string& output, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--scene",   "busy",     "-w",        "256",  "-h",          "144",
                                       "--encoder", "software", "--max-gop", "0.5",  "-o",          output,
                                       "--frames",  "90",       "--summary", "json", "--lookahead", "10"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the output's extension chooses the codec") {
        CHECK(parse({"-o", "a.mp4"}).codec == Codec::H264);
        CHECK(parse({"-o", "a.h264"}).codec == Codec::H264);
        CHECK(parse({"-o", "a.hevc"}).codec == Codec::Hevc);
        CHECK(parse({"-o", "a.265"}).codec == Codec::Hevc);
        CHECK(parse({"-o", "a.fwht"}).codec == Codec::Fwht);
        CHECK(parse({"-o", "a.mp4", "--codec", "hevc"}).codec == Codec::Hevc);
        CHECK(parse({"-o", "a.hevc", "--codec", "hevc"}).codec == Codec::Hevc);
        CHECK(parse({"-o", "a.fwht", "--codec", "fwht"}).codec == Codec::Fwht);
    }

    TEST_CASE("a codec that the output does not hold is refused with the remedy") {
        CHECK(refusal({"-o", "a.h264", "--codec", "hevc"}) ==
              "--codec hevc: --output a.h264 is a raw stream of h264: give h264, or leave one of them out");
        CHECK(refusal({"-o", "a.fwht", "--codec", "h264"}).find("raw stream of fwht") != std::string::npos);
        CHECK(refusal({"-o", "a.mp4", "--codec", "fwht"}) ==
              "--codec fwht: MP4 does not hold it: give --output FILE.fwht");
        CHECK(refusal({"-o", "a.mp4", "--codec", "av1"}).find("h264, hevc or fwht") != std::string::npos);
    }

    TEST_CASE("only V4L2 encoders are asked for FWHT") {
        using Kind = EncoderChoice::Kind;
        CHECK(parse({"-o", "a.fwht"}).encoder.kind == Kind::V4l2);
        CHECK(parse({"-o", "a.fwht", "--encoder", "v4l2:/dev/video1"}).encoder.device == "/dev/video1");
        CHECK(refusal({"-o", "a.fwht", "--encoder", "software"}).find("--encoder software: it does not code fwht") !=
              std::string::npos);
    }
}

TEST_SUITE("integration") {
    TEST_CASE("a raw stream of either codec decodes to every picture that was recorded") {
        const TemporaryFolder folder;
        struct Case {
            const char* file;
            Codec codec;
        };
        for (const Case& one : {Case{"out.h264", Codec::H264}, Case{"out.hevc", Codec::Hevc}}) {
            for (const char* smart : {"all", "off"}) {
                CAPTURE(one.file);
                CAPTURE(smart);
                const std::string output = folder / one.file;
                const ProgramResult result = runProgram(scene(output, {"--smart", smart, "--overwrite"}));
                CAPTURE(result.errors);
                REQUIRE(result.exitStatus == 0);
                const bool drops = smart == std::string("all");
                CHECK(occurrences(result.errors, "dropped frames make it play faster") == (drops ? 1 : 0));
                const auto summary = nlohmann::json::parse(result.output);
                const RecordedFile file = readRecording(output);
                CHECK(file.width == 256);
                CHECK(file.times.size() == summary["frames_recorded"]);
                CHECK(file.times.size() == file.videoPackets.size());
                CHECK(file.keyTimes.size() >= 3);
                CHECK(countSets(output, one.codec) == file.keyTimes.size());
                CHECK(summary["files"][0]["path"] == output);
                CHECK(summary["files"].at(0)["bytes"] == std::filesystem::file_size(output));
            }
        }
    }

    TEST_CASE("an encoder that begins anew goes on in the same raw stream") {
        const TemporaryFolder folder;
        for (const int first : {30, 0}) {  // 0: before there is a picture
            Settings settings;
            settings.output = folder / ("out" + std::to_string(first) + ".h264");
            settings.smart = SmartFunctions::none();
            const RecordingSummary summary =
                record(settings, {}, makeParts({.times = evenTimes(100, 40ms)}, {.restartAt = {first, 70}}));
            CHECK(summary.failure == "");
            CHECK(summary.framesRecorded == 100);
            REQUIRE(summary.files.size() == 1);
            CHECK(summary.files[0].path == settings.output);
            CHECK(summary.files[0].pictures == 100);
            CHECK(readRecording(settings.output).times.size() == 100);
        }
        CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
    }

    TEST_CASE("a full disk leaves a raw stream of whole pictures") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.h264";
        const ProgramResult result =
            runProgram(scene(output, {"--smart", "off", "--max-bitrate", "4M"}), {.fileSizeLimitBytes = 300'000});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(result.errors.find("out.h264") != std::string::npos);
        const auto summary = nlohmann::json::parse(result.output);
        CHECK(std::filesystem::file_size(output) <= 300'000);
        CHECK(std::filesystem::file_size(output) > 200'000);
        CHECK(readRecording(output).times.size() == summary["frames_recorded"]);
    }

    TEST_CASE("sound and rotation that a raw stream cannot hold are said") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .frames = 20, .rotation = 90, .audioCodec = "aac"});
        const std::string output = folder / "out.h264";
        const ProgramResult result = runProgram({"-i", folder / "in.mp4", "-o", output, "--encoder", "software"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.find("a track of type aac is left out of") != std::string::npos);
        CHECK(result.errors.find("is to be turned by 90 degrees") != std::string::npos);
        CHECK(readRecording(output).audioTracks == 0);
    }

    TEST_CASE("a codec that the output does not hold ends in one line and no file") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.h264";
        const ProgramResult result = runProgram({"--scene", "-o", output, "--codec", "hevc"});
        CHECK(result.exitStatus == 2);
        CHECK(result.errorLines() == 1);
        CHECK(result.output == "");
        CHECK_FALSE(std::filesystem::exists(output));
    }
}
