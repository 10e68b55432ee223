// Makes the first inputs of the targets that read video: `fuzz_seeds FOLDER` fills FOLDER/input with small files of
// many containers, and FOLDER/repair with recordings, finished, cut off and without their index.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/log.h"
#include "app/pipeline.h"
#include "tests/support/make_video.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

constexpr Size kTiny{32, 32};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path.string());
}

void makeInputs(const fs::path& folder) {
    struct Kind {
        const char* file;
        const char* codec;
        const char* audio;
    };
    for (const Kind& kind : {Kind{"a.mp4", "libx264", "aac"}, Kind{"b.mkv", "libx264", ""}, Kind{"c.avi", "mjpeg", ""},
                             Kind{"d.ts", "mpeg2video", ""}, Kind{"e.h264", "libx264", ""},
                             Kind{"f.y4m", "wrapped_avframe", ""}, Kind{"g.mov", "mpeg4", ""}}) {
        VideoRecipe recipe{.path = folder / kind.file, .codec = kind.codec, .size = kTiny, .frames = 3};
        recipe.audioCodec = kind.audio;
        if (std::string(kind.codec) == "mjpeg") {
            recipe.pixelFormat = "yuvj420p";
            recipe.color.fullRange = true;
        }
        makeVideo(recipe);
    }
    makeVideo({.path = folder / "h.mp4", .size = kTiny, .frames = 3, .sampleAspect = {4, 3}, .rotation = 90});
    // and each of that many bytes that it goes through a pipe
    const std::vector<fs::directory_entry> made(fs::directory_iterator{folder}, {});
    for (const fs::directory_entry& entry : made) {
        std::string bytes = read(entry.path());
        bytes.resize(bytes.size() / 4 * 4 + 7);
        write(entry.path().string() + ".pipe", bytes);
    }
}

void makeRecording(const fs::path& folder, const std::string& name, Codec codec, int lookahead) {
    SceneConfig scene{.script = "empty", .size = {48, 32}, .frameRate = {10, 1}};
    scene.duration = 3s;
    Settings settings;
    settings.source = scene;
    settings.output = folder / (name + ".mp4");
    settings.codec = codec;
    settings.encoder.kind = EncoderChoice::Kind::Software;
    settings.lookaheadFrames = lookahead;
    settings.quality = 51;
    if (const RecordingSummary summary = record(settings); !summary.failure.empty())
        throw std::runtime_error(summary.failure);
    const std::string whole = read(settings.output);
    write(folder / (name + "-cut.mp4"), whole.substr(0, whole.size() / 2));
    // without its index, as if the power had failed at the very end
    const std::size_t index = whole.rfind("moov");
    write(folder / (name + "-lost.mp4"), whole.substr(0, index - std::min<std::size_t>(index, 4)));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2)
            throw std::runtime_error("give the folder to fill");
        setUpLog();
        const fs::path folder = argv[1];
        fs::remove_all(folder);
        fs::create_directories(folder / "input");
        fs::create_directories(folder / "repair");
        makeInputs(folder / "input");
        makeRecording(folder / "repair", "h264", Codec::H264, 0);
        makeRecording(folder / "repair", "reordered", Codec::H264, 8);
        makeRecording(folder / "repair", "hevc", Codec::Hevc, 0);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fuzz_seeds: %s\n", error.what());
        return 1;
    }
}
