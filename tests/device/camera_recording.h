#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "tests/support/forwarding_v4l2.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {

/// The kernel's virtual camera offers multiples of 24 and packed RGB. The smaller size is what its sensor has, the
/// larger one what vicodec takes: three times that, with nothing to pad.
inline constexpr Size kSensorSize{216, 160};
inline constexpr Size kLargeSize{648, 480};

/// The real encoder, with a note of every dmabuf that is queued to it with a frame.
class WatchedV4l2 final : public ForwardingV4l2 {
  public:
    WatchedV4l2() : ForwardingV4l2(v4l2System()) {}

    int ioctl(int descriptor, unsigned long request, void* argument) override;

    std::set<ino_t> imported;  ///< inodes: a dmabuf has its own, whatever descriptor it is known by
    int copied = 0;            ///< frames queued in the driver's own memory
};

/// What a camera gave to a recording.
struct CameraLog {
    std::set<ino_t> dmabufs;
    std::vector<CaptureTime> times;
    std::chrono::nanoseconds latest{0};    ///< that a picture came after its time
    std::chrono::nanoseconds soonest{-1};  ///< likewise; negative: before it
    std::chrono::nanoseconds offering{0};  ///< that the camera's thread was kept by the pipeline, in all
    bool smallPictures = true;             ///< every one had its small picture for the analysis
};

/// Opens the camera as `settings.source` says, whose pictures are noted in `log`. Both are borrowed.
[[nodiscard]] std::unique_ptr<Source> openLoggedCamera(const CameraConfig& config, CameraLog& log);

[[nodiscard]] CameraConfig camera(Size size, std::vector<PixelFormat> directFormats = {kNv12, kYuv420});

/// A recording of so many frames into a file of this name, over one that is there.
[[nodiscard]] Settings settingsFor(const TemporaryFolder& folder, const std::string& file, std::uint64_t frames);
/// Likewise, by a V4L2 encoder into "out.fwht".
[[nodiscard]] Settings fwhtSettings(const TemporaryFolder& folder, const CameraConfig& config, std::uint64_t frames);

/// A frame of a raw FWHT stream, as its header describes it.
struct FwhtFrame {
    Size size;
    bool intra = false;
    std::size_t bytes = 0;  ///< its header too
};

/// Throws std::runtime_error where the file is anything but whole frames.
[[nodiscard]] std::vector<FwhtFrame> readFwht(const std::string& path);

}  // namespace smartcodec::test
