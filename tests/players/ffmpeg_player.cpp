#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "capture/scene_overlay.h"
#include "tests/app/program.h"
#include "tests/players/player.h"

namespace smartcodec::test {

namespace {

/// Standard output of one of them, which has nothing to complain of.
std::string outputOf(const std::string& program, const std::vector<std::string>& arguments) {
    const std::string binary = "/usr/bin/" + program;
    if (!std::filesystem::exists(binary))
        throw std::runtime_error(binary + " is not there: scripts/setup ffmpeg");
    ProgramResult result = runProgram(arguments, {.binary = binary});
    if (result.exitStatus != 0 || !result.errors.empty())
        throw std::runtime_error(program + " ended with " + std::to_string(result.exitStatus) + ": " + result.errors);
    return result.output;
}

class FfmpegPlayer final : public Player {
  public:
    explicit FfmpegPlayer(std::string path) : path_(std::move(path)) {
        const std::string text = outputOf("ffprobe", {"-v", "error", "-select_streams", "v", "-show_entries",
                                                      "stream=width,height:format=duration", "-of", "json", path_});
        const nlohmann::json report = nlohmann::json::parse(text);
        const nlohmann::json& stream = report.at("streams").at(0);
        size_ = {stream.at("width").get<int>(), stream.at("height").get<int>()};
        // of a file without an index, which may have none, the last packet tells
        if (const auto duration = report.at("format").find("duration"); duration != report.at("format").end())
            duration_ = std::stod(duration->get<std::string>());
    }

    [[nodiscard]] Shows shows() const override { return Shows::TheNext; }
    [[nodiscard]] double duration() override {
        if (!duration_)
            throw std::runtime_error("ffprobe knows no duration");
        return *duration_;
    }

    [[nodiscard]] std::optional<std::uint32_t> numberAt(double seconds) override {
        const std::string place = std::to_string(seconds);
        const std::string picture = outputOf("ffmpeg", {"-v", "error", "-threads", "1", "-ss", place, "-i", path_,
                                                        "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"});
        if (picture.size() != static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(size_.height))
            throw std::runtime_error("ffmpeg shows nothing at " + place);
        std::vector<std::byte> luma(picture.size());
        std::memcpy(luma.data(), picture.data(), picture.size());
        return readFrameNumber({.strideBytes = static_cast<std::size_t>(size_.width), .data = luma.data()}, size_);
    }

  private:
    std::string path_;
    Size size_;
    std::optional<double> duration_;
};

}  // namespace

std::unique_ptr<Player> openInFfmpeg(const std::string& path) {
    return std::make_unique<FfmpegPlayer>(path);
}

void playInFfplay(const std::string& path, double seconds) {
    ::setenv("SDL_VIDEODRIVER", "dummy", 1);
    ::setenv("SDL_AUDIODRIVER", "dummy", 1);
    // no -t, which among reordered pictures leaves out some that others need
    (void)outputOf("ffplay", {"-v", "error", "-nostats", "-autoexit", "-ss", std::to_string(seconds), path});
}

}  // namespace smartcodec::test
