#pragma once

#include <utility>

namespace smartcodec {

/// Sole owner of a file descriptor; closes it. Empty is -1.
class UniqueFd {
  public:
    UniqueFd() = default;
    /// Takes over `descriptor`; a negative one, as a failed open returns, makes it empty.
    explicit UniqueFd(int descriptor) noexcept : descriptor_(descriptor < 0 ? -1 : descriptor) {}
    UniqueFd(UniqueFd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return descriptor_; }
    explicit operator bool() const { return descriptor_ >= 0; }

    /// A second descriptor of the same file, closed on exec. Throws std::system_error.
    [[nodiscard]] UniqueFd duplicate() const;

    /// Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
    void reset() noexcept;

  private:
    int descriptor_ = -1;
};

}  // namespace smartcodec
