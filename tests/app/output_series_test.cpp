#include "app/output_series.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using test::TemporaryFolder;

namespace {

// A smallest SPS and PPS: what a file needs to be begun.
constexpr std::byte kSets[] = {std::byte{0},    std::byte{0},    std::byte{0},    std::byte{1},    std::byte{0x67},
                               std::byte{0x42}, std::byte{0xc0}, std::byte{0x0a}, std::byte{0xda}, std::byte{0x10},
                               std::byte{0x90}, std::byte{0},    std::byte{0},    std::byte{0},    std::byte{1},
                               std::byte{0x68}, std::byte{0xce}, std::byte{0x3c}, std::byte{0x80}};

OutputSeries::Config configFor(const std::string& path, bool overwrite = false) {
    OutputSeries::Config config;
    config.file = {.path = path,
                   .codec = Codec::H264,
                   .size = {64, 48},
                   .frameRate = {25, 1},
                   .color = {},
                   .sampleAspect = {},
                   .rotation = 0,
                   .parameterSets = {},
                   .copiedTracks = {},
                   .dropsFrames = false,
                   .overwrite = overwrite};
    return config;
}

std::string nameOf(const OpenOutput& output) {
    return std::filesystem::path(output.path).filename();
}

void writeText(const std::string& path) {
    std::ofstream(path) << "precious";
}

std::string textOf(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("further files are numbered beside the first") {
        const TemporaryFolder folder;
        OutputSeries series(configFor(folder / "a.b.mp4"));
        for (const char* expected : {"a.b.mp4", "a.b-2.mp4", "a.b-3.mp4"}) {
            const OpenOutput output = series.open({.parameterSets = kSets});
            CHECK(nameOf(output) == expected);
            CHECK(std::filesystem::exists(folder / expected));
        }
    }

    TEST_CASE("a number that is taken is left out and what is there stays") {
        const TemporaryFolder folder;
        writeText(folder / "video-2.mp4");
        std::filesystem::create_symlink("nowhere", folder / "video-3.mp4");
        OutputSeries series(configFor(folder / "video.mp4"));
        (void)series.open({.parameterSets = kSets});
        CHECK(nameOf(series.open({.parameterSets = kSets})) == "video-4.mp4");
        CHECK(textOf(folder / "video-2.mp4") == "precious");
    }

    TEST_CASE("the first file is refused where it is there already") {
        const TemporaryFolder folder;
        writeText(folder / "video.mp4");
        OutputSeries series(configFor(folder / "video.mp4"));
        CHECK_THROWS_WITH((void)series.open({.parameterSets = kSets}), doctest::Contains("--overwrite"));
    }

    TEST_CASE("overwriting replaces further files too but never the input") {
        const TemporaryFolder folder;
        for (const char* name : {"video.mp4", "video-2.mp4", "video-3.mp4"})
            writeText(folder / name);
        OutputSeries::Config config = configFor(folder / "video.mp4", true);
        config.spared = {folder / "./video-2.mp4"};
        std::filesystem::create_directory(folder / "video-4.mp4");
        OutputSeries series(config);
        CHECK(nameOf(series.open({.parameterSets = kSets})) == "video.mp4");
        CHECK(nameOf(series.open({.parameterSets = kSets})) == "video-3.mp4");
        CHECK(nameOf(series.open({.parameterSets = kSets})) == "video-5.mp4");  // a folder cannot be replaced
        CHECK(textOf(folder / "video.mp4") != "precious");
        CHECK(textOf(folder / "video-2.mp4") == "precious");
        CHECK(textOf(folder / "video-3.mp4") != "precious");
    }

    TEST_CASE("the name of a file that was given up is used again") {
        const TemporaryFolder folder;
        OutputSeries series(configFor(folder / "video.mp4"));
        (void)series.open({.parameterSets = kSets});
        std::filesystem::remove(folder / "video.mp4");
        CHECK(nameOf(series.open({.parameterSets = kSets, .insteadOfLast = true})) == "video.mp4");
        CHECK(nameOf(series.open({.parameterSets = kSets})) == "video-2.mp4");
        std::filesystem::remove(folder / "video-2.mp4");
        CHECK(nameOf(series.open({.parameterSets = kSets, .insteadOfLast = true})) == "video-2.mp4");
    }
}
