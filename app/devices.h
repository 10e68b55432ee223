#pragma once

#include <string>

namespace smartcodec {

/// What `smartcodec devices` prints: the cameras and encoders here, and what each can do.
[[nodiscard]] std::string listDevices();

}  // namespace smartcodec
