#include "tests/device/camera_recording.h"

#include <linux/videodev2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/libcamera_system.h"

namespace smartcodec::test {

namespace {

ino_t inodeOf(int descriptor) {
    struct stat status {};
    if (fstat(descriptor, &status) < 0)
        throw std::system_error(errno, std::generic_category(), "looking at a dmabuf");
    return status.st_ino;
}

class LoggedCamera final : public Source {
  public:
    LoggedCamera(const CameraConfig& config, CameraLog& log)
        : source_(openCamera(config, libcameraSystem())), log_(log) {}

    const SourceInfo& info() const override { return source_->info(); }
    Status run(SourceSink& sink, std::stop_token stop) override {
        Between between(sink, log_);
        return source_->run(between, std::move(stop));
    }

  private:
    class Between final : public SourceSink {
      public:
        Between(SourceSink& sink, CameraLog& log) : sink_(sink), log_(log) {}
        bool deliver(Frame frame) override { return sink_.deliver(std::move(frame)); }
        bool deliver(Packet packet) override { return sink_.deliver(std::move(packet)); }
        void offer(Frame frame) override {
            const auto age = CaptureClock::now() - frame->time;
            log_.soonest = log_.times.empty() ? age : std::min(log_.soonest, age);
            log_.latest = std::max(log_.latest, age);
            log_.times.push_back(frame->time);
            log_.smallPictures = log_.smallPictures && frame->analysisPicture;
            if (frame->picture.planes[0].dmabuf >= 0)
                log_.dmabufs.insert(inodeOf(frame->picture.planes[0].dmabuf));
            const auto before = std::chrono::steady_clock::now();
            sink_.offer(std::move(frame));
            log_.offering += std::chrono::steady_clock::now() - before;
        }

      private:
        SourceSink& sink_;
        CameraLog& log_;
    };

    std::unique_ptr<Source> source_;
    CameraLog& log_;
};

// struct fwht_cframe_hdr (drivers/media/test-drivers/vicodec/codec-fwht.h): 32 bits each, most significant byte first
constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kWidthAt = 12;
constexpr std::size_t kHeightAt = 16;
constexpr std::size_t kFlagsAt = 20;
constexpr std::size_t kSizeAt = 40;
constexpr unsigned kIntra = 1U << 10;
constexpr unsigned kMagic = 0x4f4f4f4f;

}  // namespace

int WatchedV4l2::ioctl(int descriptor, unsigned long request, void* argument) {
    if (request == VIDIOC_QBUF) {
        const auto& buffer = *static_cast<const v4l2_buffer*>(argument);
        const bool planes = V4L2_TYPE_IS_MULTIPLANAR(buffer.type);
        if (V4L2_TYPE_IS_OUTPUT(buffer.type) && buffer.memory == V4L2_MEMORY_DMABUF)
            imported.insert(inodeOf(planes ? buffer.m.planes[0].m.fd : buffer.m.fd));
        else if (V4L2_TYPE_IS_OUTPUT(buffer.type))
            ++copied;
    }
    return ForwardingV4l2::ioctl(descriptor, request, argument);
}

std::unique_ptr<Source> openLoggedCamera(const CameraConfig& config, CameraLog& log) {
    return std::make_unique<LoggedCamera>(config, log);
}

CameraConfig camera(Size size, std::vector<PixelFormat> directFormats) {
    CameraConfig config;
    config.width = size.width;
    config.height = size.height;
    config.directFormats = std::move(directFormats);
    return config;
}

Settings settingsFor(const TemporaryFolder& folder, const std::string& file, std::uint64_t frames) {
    Settings settings;
    settings.output = folder / file;
    settings.frames = frames;
    settings.overwrite = true;
    settings.smart.stabilize = false;
    return settings;
}

Settings fwhtSettings(const TemporaryFolder& folder, const CameraConfig& config, std::uint64_t frames) {
    Settings settings = settingsFor(folder, "out.fwht", frames);
    settings.source = config;
    settings.codec = Codec::Fwht;
    settings.encoder = {.kind = EncoderChoice::Kind::V4l2};
    return settings;
}

std::vector<FwhtFrame> readFwht(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::vector<FwhtFrame> frames;
    for (std::size_t begin = 0; begin < bytes.size();) {
        const auto field = [&](std::size_t at) {
            unsigned value = 0;
            for (std::size_t i = 0; i < 4; ++i)
                value = value << 8 | static_cast<unsigned char>(bytes[begin + at + i]);
            return value;
        };
        if (bytes.size() - begin < kHeaderBytes || field(0) != kMagic ||
            bytes.size() - begin - kHeaderBytes < field(kSizeAt))
            throw std::runtime_error(path + ": no whole frame at byte " + std::to_string(begin));
        frames.push_back({{static_cast<int>(field(kWidthAt)), static_cast<int>(field(kHeightAt))},
                          (field(kFlagsAt) & kIntra) != 0,
                          kHeaderBytes + field(kSizeAt)});
        begin += frames.back().bytes;
    }
    return frames;
}

}  // namespace smartcodec::test
