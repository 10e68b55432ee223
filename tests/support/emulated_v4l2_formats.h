#pragma once

#include <linux/videodev2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/picture.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec::emulated {

/// One raw picture as the device reads it: three planes of samples, whatever the buffer's format.
struct RawPicture {
    Size size;  ///< what is visible
    std::array<const std::byte*, 3> planes{};
    std::array<std::size_t, 3> strides{};
    std::size_t chromaStep = 1;  ///< bytes from one chroma sample to the next: 2 where Cb and Cr alternate
};

/// The formats of both queues of one opened device, as S_FMT and S_SELECTION leave them. Thread-bound.
class Formats {
  public:
    explicit Formats(const V4l2Personality& personality);

    [[nodiscard]] bool ours(std::uint32_t type) const;  ///< one of the two buffer types of this device
    [[nodiscard]] std::uint32_t outputType() const;
    [[nodiscard]] std::uint32_t captureType() const;

    // The ioctls, each giving 0 or the errno.
    int enumerate(v4l2_fmtdesc& description) const;
    int enumerateSizes(v4l2_frmsizeenum& sizes) const;
    int enumerateIntervals(v4l2_frmivalenum& intervals) const;
    int get(v4l2_format& format) const;
    int attempt(v4l2_format& format) const;
    int set(v4l2_format& format);
    int getSelection(v4l2_selection& selection) const;
    int setSelection(v4l2_selection& selection);

    [[nodiscard]] std::uint32_t coded() const { return coded_; }
    [[nodiscard]] std::uint32_t codedBytes() const { return codedBytes_; }
    [[nodiscard]] Size visible() const { return crop_; }
    /// Sizes of a buffer's planes.
    [[nodiscard]] std::vector<std::uint32_t> planeBytes(bool output) const;
    /// `planes` as many as `planeBytes(true)` says.
    [[nodiscard]] RawPicture picture(std::span<const std::byte* const> planes) const;

  private:
    struct Raw {
        std::uint32_t fourcc = 0;
        Size size;
        std::uint32_t stride = 0;
    };
    [[nodiscard]] Raw rounded(std::uint32_t fourcc, Size size, std::uint32_t strideAsked) const;
    [[nodiscard]] std::uint32_t roundedCodedBytes(std::uint32_t asked, Size size) const;
    void describeRaw(const Raw& raw, v4l2_format& format) const;
    void describeCoded(std::uint32_t fourcc, std::uint32_t bytes, v4l2_format& format) const;

    const V4l2Personality& personality_;
    std::uint32_t coded_;
    std::uint32_t codedBytes_ = 0;
    Raw raw_;
    Size crop_;
    std::array<std::uint32_t, 4> color_{};  // colorspace, ycbcr_enc, quantization, xfer_func
};

}  // namespace smartcodec::emulated
