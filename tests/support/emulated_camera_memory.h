#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "capture/mapping.h"
#include "capture/picture.h"
#include "capture/unique_fd.h"
#include "tests/support/camera_pattern.h"
#include "tests/support/emulated_camera.h"

namespace smartcodec::test {

/// A file's bytes in this process.
class MappedMemory {
  public:
    /// Throws std::system_error.
    MappedMemory(int fd, std::size_t bytes, int protection);
    MappedMemory(MappedMemory&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), bytes_(other.bytes_) {}
    MappedMemory& operator=(MappedMemory&&) = delete;
    ~MappedMemory();

    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(address_); }

  private:
    void* address_ = nullptr;
    std::size_t bytes_;
};

/// Memory of one picture: the camera writes it through a mapping that nobody else knows.
class PictureMemory {
  public:
    /// Throws std::system_error.
    PictureMemory(const PatternLayout& layout, MainMemory access);

    [[nodiscard]] const Picture& picture() const { return picture_; }
    void fill(const std::vector<std::byte>& bytes) const;

  private:
    [[nodiscard]] MappedMemory sized(std::size_t bytes) const;

    UniqueFd fd_;
    MappedMemory camera_;
    std::optional<MappedMemory> forbidden_;
    PaddedMapping shown_;
    Picture picture_;
};

}  // namespace smartcodec::test
