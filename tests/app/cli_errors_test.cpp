#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

void writeFile(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

/// One picture of raw video, all of it zero; the file system need not store it.
void writeRawPicture(const std::string& path, int side) {
    const std::string size = std::to_string(side);
    const std::string header = "YUV4MPEG2 W" + size + " H" + size + " F25:1 Ip A1:1 C420jpeg\nFRAME\n";
    writeFile(path, header);
    const auto samples = static_cast<std::uintmax_t>(side) * static_cast<std::uintmax_t>(side);
    const auto chroma = static_cast<std::uintmax_t>((side + 1) / 2) * static_cast<std::uintmax_t>((side + 1) / 2);
    std::filesystem::resize_file(path, header.size() + samples + 2 * chroma);
}

/// Refused before anything was recorded: status 2, one line with `part` in it, and no output.
void checkRefused(const std::vector<std::string>& arguments, const std::string& part, const std::string& output) {
    const ProgramResult result = runProgram(arguments);
    CAPTURE(result.errors);
    CHECK(result.exitStatus == 2);
    CHECK(result.errorLines() == 1);
    CHECK(result.errors.rfind("smartcodec: ", 0) == 0);
    CHECK(result.errors.find(part) != std::string::npos);
    CHECK(result.output == "");
    CHECK_FALSE(std::filesystem::exists(output));
}

/// The scene, every frame of it, with look-ahead, onto a disk that is full at that size.
ProgramResult recordOnto(const TemporaryFolder& folder, std::uint64_t diskBytes) {
    return runProgram({"--scene", "-w", "320", "-h", "240", "--frames", "2000", "--smart", "off", "--max-bitrate", "4M",
                       "--encoder", "software", "--summary", "json", "-o", folder / "out.mp4"},
                      {.fileSizeLimitBytes = diskBytes});
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("an input that cannot be recorded is refused in one line that names it") {
        const TemporaryFolder folder;
        writeFile(folder / "empty.mp4", "");
        writeFile(folder / "text.txt", "This is not a video, only a few words about one.\nAnd a second line.\n");
        makeVideo({.path = folder / "audio.mp4", .audioCodec = "aac", .video = false});
        writeRawPicture(folder / "dot.y4m", 1);
        writeRawPicture(folder / "wall.y4m", 16384);
        const std::string output = folder / "out.mp4";
        for (const char* input : {"missing.mp4", "empty.mp4", "text.txt", "audio.mp4", "dot.y4m", "wall.y4m"}) {
            CAPTURE(input);
            checkRefused({"-i", folder / input, "-o", output}, input, output);
        }
        checkRefused({"-i", folder.path(), "-o", output}, folder.path(), output);
    }

    TEST_CASE("an output that cannot be written is refused in one line that names it") {
        const TemporaryFolder folder;
        const std::vector<std::string> scene{"--scene", "-w", "64", "-h", "64", "--frames", "5", "-o"};
        for (const std::string& output : {folder / "missing/out.mp4", std::string("/proc/out.mp4")}) {
            std::vector<std::string> arguments = scene;
            arguments.push_back(output);
            checkRefused(arguments, output, output);
        }
        std::vector<std::string> arguments = scene;
        arguments.push_back(folder.path());
        const ProgramResult result = runProgram(arguments);
        CHECK(result.exitStatus == 2);
        CHECK(result.errorLines() == 1);
    }

    TEST_CASE("an existing output is kept unless it may be overwritten") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.mp4";
        writeFile(output, "precious");
        const std::vector<std::string> arguments{"--scene", "-w", "64", "-h", "64", "--frames", "5", "-o", output};
        ProgramResult result = runProgram(arguments);
        CHECK(result.exitStatus == 2);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("--overwrite") != std::string::npos);
        CHECK(std::filesystem::file_size(output) == 8);

        std::vector<std::string> overwriting = arguments;
        overwriting.push_back("--overwrite");
        result = runProgram(overwriting);
        CHECK(result.exitStatus == 0);
        CHECK(!readRecording(output).times.empty());
    }

    TEST_CASE("an existing trace is kept unless it may be overwritten") {
        const TemporaryFolder folder;
        const std::string trace = folder / "trace.jsonl";
        writeFile(trace, "precious");
        std::vector<std::string> arguments{
            "--scene", "-w", "64", "-h", "64", "--frames", "5", "--trace", trace, "-o", folder / "out.mp4"};
        checkRefused(arguments, "trace.jsonl' exists; give --overwrite", folder / "out.mp4");
        CHECK(std::filesystem::file_size(trace) == 8);
        arguments.emplace_back("--overwrite");
        CHECK(runProgram(arguments).exitStatus == 0);
        CHECK(std::filesystem::file_size(trace) > 100);
    }

    TEST_CASE("a trace may go to a device") {
        const TemporaryFolder folder;
        CHECK(runProgram({"--scene", "-w", "64", "-h", "64", "--frames", "5", "--trace", "/dev/null", "-o",
                          folder / "out.mp4"})
                  .exitStatus == 0);
    }

    TEST_CASE("a summary that nobody can read costs the exit status and not the recording") {
        const TemporaryFolder folder;
        const ProgramResult result = runProgram({"--scene", "-w", "64", "-h", "64", "--frames", "20", "--encoder",
                                                 "software", "--smart", "off", "-o", folder / "out.mp4"},
                                                {.output = "/dev/full"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("summary") != std::string::npos);
        CHECK(result.errors.find("No space left") != std::string::npos);
        CHECK(readRecording(folder / "out.mp4").times.size() == 20);
        CHECK(runProgram({"--help"}, {.output = "/dev/full"}).exitStatus == 2);
    }

    TEST_CASE("a mistake behind devices is named") {
        for (const char* mistake : {"--tpyo", "tpyo"}) {
            const ProgramResult result = runProgram({"devices", mistake});
            CAPTURE(result.errors);
            CHECK(result.exitStatus == 2);
            CHECK(result.errorLines() == 1);
            CHECK(result.errors.find(mistake) != std::string::npos);
            CHECK(result.errors.find("smartcodec devices --help") != std::string::npos);
        }
    }

    TEST_CASE("wrong usage is refused in one line") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.mp4";
        const std::string config = folder / "typo.toml";
        writeFile(config, "qualty = 20\n");
        const auto scene = [&](std::vector<std::string> more) {
            std::vector<std::string> arguments{"--scene", "-o", output};
            arguments.insert(arguments.end(), more.begin(), more.end());
            return arguments;
        };
        checkRefused(scene({"--bogus"}), "--bogus", output);
        checkRefused(scene({"--min-fps", "0"}), "--min-fps 0", output);
        checkRefused(scene({"-w", "-640"}), "--width -640", output);
        checkRefused(scene({"--config", config}), "'qualty'", output);
        checkRefused(scene({"--encoder", "v4l2:/dev/none"}), "/dev/none", output);
        checkRefused(scene({"--encoder", "v4l2:/dev/null"}), "/dev/null is no stateful video encoder", output);
        checkRefused({"--camera", "no-such-camera", "-o", output}, "camera", output);
        checkRefused({}, "-o FILE", output);
    }

    TEST_CASE("a file that breaks off in mid-picture is recorded up to there") {
        const TemporaryFolder folder;
        const std::string input = folder / "in.mkv";
        // a new picture each time, so that they have sizes worth cutting
        makeVideo({.path = input, .size = {160, 120}, .frames = 250, .paint = [](int number, int x, int y) -> Pixel {
                       return {(x * 7 + y * 13 + number * 11) % 200 + 20, 128, 128};
                   }});
        std::filesystem::resize_file(input, std::filesystem::file_size(input) * 6 / 10);
        const ProgramResult result =
            runProgram({"-i", input, "-o", folder / "out.mp4", "--encoder", "software", "--smart", "off"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("in.mkv") != std::string::npos);
        const std::size_t pictures = readRecording(folder / "out.mp4").times.size();
        CHECK(pictures > 5);
        CHECK(pictures < 250);
    }

    TEST_CASE("a disk that fills up ends the recording with a file that plays and a summary of what is in it") {
        const TemporaryFolder folder;
        const ProgramResult result = recordOnto(folder, 400'000);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("out.mp4") != std::string::npos);
        const std::size_t pictures = readRecording(folder / "out.mp4").times.size();
        CHECK(pictures > 5);
        CHECK(pictures < 2000);

        const auto summary = nlohmann::json::parse(result.output);
        CHECK(summary["frames_recorded"] == pictures);
        CHECK(summary["frames_lost"].get<std::size_t>() + pictures == summary["frames_in"]);
        CHECK(summary["file_bytes"] == std::filesystem::file_size(folder / "out.mp4"));
        CHECK(summary["video_bytes"] < summary["file_bytes"]);
        CHECK(summary["video_bytes"].get<std::size_t>() + 10'000 > summary["file_bytes"]);
    }

    TEST_CASE("a disk without room for one picture leaves no file") {
        const TemporaryFolder folder;
        const ProgramResult result = recordOnto(folder, 67'000);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 2);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("out.mp4") != std::string::npos);
        CHECK(result.output == "");
        CHECK_FALSE(std::filesystem::exists(folder / "out.mp4"));
    }

    TEST_CASE("a trace that finds no room costs a line and not the recording") {
        const TemporaryFolder folder;
        const ProgramResult result =
            runProgram({"--scene", "-w", "64", "-h", "64", "--frames", "2000", "--encoder", "software", "--trace",
                        folder / "trace.jsonl", "-o", folder / "out.mp4"},
                       {.fileSizeLimitBytes = 400'000});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("trace.jsonl") != std::string::npos);
        CHECK(result.output.find("frames in      2000") != std::string::npos);
        CHECK(!readRecording(folder / "out.mp4").times.empty());
    }
}
