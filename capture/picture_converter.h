#pragma once

// Private to .cpp files: decoded pictures of libavcodec as this program's pictures.

#include <optional>

#include "capture/libav_handles.h"
#include "capture/picture.h"
#include "capture/status.h"

namespace smartcodec {

/// A decoded picture cut to even sizes: 4:2:0 cannot hold an odd edge.
[[nodiscard]] Size evenSize(const ::AVFrame& decoded);

/// kYuv420 or kNv12 where the decoder's own memory is one of them, else nothing: it has to be converted.
[[nodiscard]] std::optional<PixelFormat> directFormat(const ::AVFrame& decoded);

/// The decoder's own memory as a picture, if `directFormat` says so. Writable if nobody else (the decoder, for
/// prediction) holds on to it.
[[nodiscard]] Picture directPicture(::AVFrame& decoded);

/// Colour tags that a decoded picture has once it is a picture of `size` in 4:2:0, 8 bits. YUV keeps its own, RGB
/// becomes limited range in the matrix that players assume for that height. Where scaling would make players assume
/// another matrix for a picture without a tag, it gets the tag.
[[nodiscard]] Color outputColor(const ::AVFrame& decoded, Size size);

/// Converts and scales any pixel format that libswscale reads. Thread-bound. Keeps one libswscale context, made again
/// when what comes in changes.
class PictureConverter {
  public:
    PictureConverter(PixelFormat format, Size size, const Color& color) : format_(format), size_(size), color_(color) {}

    /// Writes `decoded` into `target`, a mapped picture of the constructor's format and size.
    Status convert(const ::AVFrame& decoded, const Picture& target);

  private:
    /// What a context is made for.
    struct Input {
        AVPixelFormat format = AV_PIX_FMT_NONE;
        Size size;
        Color color;
        friend bool operator==(const Input&, const Input&) = default;
    };
    Status prepare(const Input& input);

    PixelFormat format_;
    Size size_;
    Color color_;
    Input input_;
    AvSws sws_;
};

}  // namespace smartcodec
