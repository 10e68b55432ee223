#pragma once

#include <string>
#include <utility>

namespace smartcodec {

/// How an operation on the road of a picture went: fine, or a message that says what was attempted, on what, and what
/// the system answered. (Setting up throws instead.)
class [[nodiscard]] Status {
  public:
    Status() = default;
    static Status failure(std::string message) {
        Status status;
        status.message_ = std::move(message);
        return status;
    }
    [[nodiscard]] bool ok() const { return message_.empty(); }
    [[nodiscard]] const std::string& message() const { return message_; }

  private:
    std::string message_;  // empty when fine
};

}  // namespace smartcodec
