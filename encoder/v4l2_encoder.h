#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "encoder/encoder.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// How long a V4L2 encoder is waited for. The defaults are for devices; tests have less time.
struct V4l2Limits {
    std::chrono::milliseconds stall{1000};         ///< of silence while it has frames
    std::chrono::milliseconds drain{1000};         ///< of silence, until what is still inside is taken for lost
    std::chrono::milliseconds trial{2000};         ///< for its first picture, which may have to load firmware
    std::chrono::milliseconds holding{250};        ///< for one of the first pictures to come out without a next one
    std::chrono::milliseconds missing{200};        ///< for a frame when later ones are there already
    std::chrono::milliseconds reopening{1000};     ///< for attempts to open it again
    std::chrono::milliseconds recovering{10'000};  ///< after it was opened again, in which a second failure is the last
};

/// A stateful memory-to-memory encoder (Documentation/userspace-api/media/v4l/dev-encoder.rst), found by asking every
/// node that `system` has, or the one at `path` if that is not empty. Takes kNv12 and kYuv420, and packed
/// RGB where the device does: from dmabufs without a
/// copy where `config.dmabufLayout` says that frames come in them and the driver takes that layout, else with one copy
/// into the driver's buffers. Some grey pictures are encoded and thrown away at set-up: they prove that the encoder
/// works, give the parameter sets, and show whether it holds pictures back until later ones come.
///
/// An encoder that stalls (nothing comes out or goes in for a second while frames are inside, or it takes frames and
/// gives no bit stream for as long) or dies (POLLERR, EIO, ENODEV) is opened again once, the frames still inside go in
/// again, and it goes on with a key frame; a second time within ten seconds is a failure.
///
/// Throws std::system_error or std::runtime_error that names the node and the remedy. `system` must outlive it.
[[nodiscard]] std::unique_ptr<Encoder> openV4l2Encoder(const EncoderConfig& config, const std::string& path = {},
                                                       V4l2System& system = v4l2System(),
                                                       const V4l2Limits& limits = {});

}  // namespace smartcodec
