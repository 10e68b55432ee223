#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/options.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

void checkRefused(const std::vector<std::string>& arguments, const std::string& words) {
    const ProgramResult result = runProgram(arguments);
    CAPTURE(result.errors);
    CHECK(result.exitStatus == 2);
    CHECK(result.errorLines() == 1);
    CHECK(result.errors.find(words) != std::string::npos);
    CHECK(result.output.empty());
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("repair gives a recording its index at the front or puts the repaired one elsewhere") {
        const TemporaryFolder folder;
        const std::string path = folder / "out.mp4";
        REQUIRE(runProgram(
                    {"--scene", "busy", "-w", "160", "-h", "96", "--frames", "60", "--encoder", "software", "-o", path})
                    .exitStatus == 0);
        const RecordedFile before = readRecording(path);
        const auto bytes = std::filesystem::file_size(path);

        const std::string output = folder / "repaired.mp4";
        const ProgramResult elsewhere = runProgram({"repair", path, "-o", output});
        CAPTURE(elsewhere.errors);
        CHECK(elsewhere.exitStatus == 0);
        CHECK(elsewhere.output.starts_with(output + ": " + std::to_string(before.times.size()) + " pictures"));
        CHECK(std::filesystem::file_size(path) == bytes);
        CHECK(readRecording(output).times == before.times);
        checkRefused({"repair", path, "-o", output}, "give --overwrite");
        CHECK(runProgram({"repair", path, "-o", output, "--overwrite"}).exitStatus == 0);

        CHECK(runProgram({"repair", path}).exitStatus == 0);
        CHECK(std::filesystem::file_size(path) != bytes);
        CHECK(readRecording(path).times == before.times);
    }

    TEST_CASE("what cannot be repaired is refused in one line that names it") {
        const TemporaryFolder folder;
        const std::string text = folder / "text.mp4";
        std::ofstream(text) << "These are words, and no recording.";
        checkRefused({"repair", text}, text);
        checkRefused({"repair", folder / "missing.mp4"}, "No such file");
        checkRefused({"repair", folder.path().string()}, "it is no file");
        checkRefused({"repair"}, "give the recording");
        checkRefused({"repair", text, "more"}, "repair more: unknown argument");
    }

    TEST_CASE("a repair that finds the disk full leaves the recording as it was") {
        const TemporaryFolder folder;
        const std::string path = folder / "out.mp4";
        REQUIRE(runProgram(
                    {"--scene", "busy", "-w", "160", "-h", "96", "--frames", "60", "--encoder", "software", "-o", path})
                    .exitStatus == 0);
        const auto bytes = std::filesystem::file_size(path);
        const ProgramResult result = runProgram({"repair", path}, {.fileSizeLimitBytes = bytes / 2});
        CHECK(result.exitStatus == 1);
        CHECK(result.errorLines() == 1);
        CHECK(result.errors.find("not repaired") != std::string::npos);
        CHECK(std::filesystem::file_size(path) == bytes);
        CHECK(!readRecording(path).times.empty());
        CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
    }
}
