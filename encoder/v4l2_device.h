#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/picture.h"
#include "encoder/codec.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// One opened video node. Closes it when it dies. Thread-bound.
class V4l2Device {
  public:
    /// Throws std::system_error that names the node. `system` must outlive the device.
    V4l2Device(V4l2System& system, std::string path);
    ~V4l2Device();
    V4l2Device(V4l2Device&& other) noexcept;
    V4l2Device(const V4l2Device&) = delete;
    V4l2Device& operator=(const V4l2Device&) = delete;
    V4l2Device& operator=(V4l2Device&&) = delete;

    /// 0, or the errno. Begins again where a signal interrupted.
    [[nodiscard]] int ioctl(unsigned long request, void* argument) const;
    template <typename Argument>
    [[nodiscard]] int ioctl(unsigned long request, Argument& argument) const {
        return ioctl(request, static_cast<void*>(&argument));
    }

    [[nodiscard]] V4l2System& system() const { return system_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    V4l2System& system_;
    std::string path_;
    int descriptor_;
};

/// A coded format of an encoder and what it takes for it.
struct V4l2CodedFormat {
    std::uint32_t fourcc = 0;               ///< V4L2_PIX_FMT_H264, _HEVC, _FWHT, ...
    std::vector<std::uint32_t> rawFormats;  ///< V4L2 fourccs, in the driver's order
    Size smallest;                          ///< 0x0 where the driver does not say
    Size largest;
    /// The coded frame rate is set on the bit stream's own queue (V4L2_FMT_FLAG_ENC_CAP_FRAME_INTERVAL).
    bool ownFrameRate = false;
};

/// A memory-to-memory node that makes coded video, as found by asking it.
struct V4l2EncoderNode {
    std::string path;
    std::string driver;  ///< QUERYCAP.driver: "bcm2835-codec"
    std::string card;
    std::string bus;
    bool multiplanar = false;
    std::vector<V4l2CodedFormat> formats;

    [[nodiscard]] const V4l2CodedFormat* find(std::uint32_t fourcc) const;
};

/// Asks one open node; empty if it is not a stateful encoder (JPEG encoders are not: they code stills). Changes the
/// formats of this opening of the node, which raw formats are listed by: for a device that nothing was set up on yet.
/// Throws std::system_error if it does not answer.
[[nodiscard]] std::optional<V4l2EncoderNode> describeEncoder(const V4l2Device& device);

/// All stateful encoders here. A node that cannot be opened or asked (busy, no permission) is left out, with its reason
/// in `skipped` if that is given.
[[nodiscard]] std::vector<V4l2EncoderNode> findEncoders(V4l2System& system,
                                                        std::vector<std::string>* skipped = nullptr);

[[nodiscard]] std::uint32_t v4l2Fourcc(Codec codec);

/// V4L2_BUF_TYPE_* of the queue that frames go in through (OUTPUT), and of the one that the bit stream comes out of
/// (CAPTURE).
[[nodiscard]] std::uint32_t v4l2FrameType(bool multiplanar);
[[nodiscard]] std::uint32_t v4l2BitstreamType(bool multiplanar);

}  // namespace smartcodec
