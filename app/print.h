#pragma once

#include <string>

namespace smartcodec {

/// Writes `text` on standard output, to its end. Throws std::system_error if that is not possible (a full disk).
void print(const std::string& text);

}  // namespace smartcodec
