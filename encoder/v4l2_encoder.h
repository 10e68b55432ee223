#pragma once

#include <memory>
#include <string>

#include "encoder/encoder.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// A stateful memory-to-memory encoder (Documentation/userspace-api/media/v4l/dev-encoder.rst), found by asking every
/// node that `system` has, or the one at `path` if that is not empty. Takes kNv12 and kYuv420: from dmabufs without a
/// copy where `config.dmabufLayout` says that frames come in them and the driver takes that layout, else with one copy
/// into the driver's buffers. One picture is encoded and thrown away at set-up: it proves that the encoder works and
/// gives the parameter sets.
///
/// An encoder that stalls (nothing comes out or goes in for a second while frames are inside) or dies (POLLERR, EIO,
/// ENODEV) is opened again once, the frames still inside go in again, and it goes on with a key frame; a second time
/// within ten seconds is a failure.
///
/// Throws std::system_error or std::runtime_error that names the node and the remedy. `system` must outlive it.
[[nodiscard]] std::unique_ptr<Encoder> openV4l2Encoder(const EncoderConfig& config, const std::string& path = {},
                                                       V4l2System& system = v4l2System());

}  // namespace smartcodec
