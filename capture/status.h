#pragma once

#include <string>
#include <system_error>
#include <utility>

namespace smartcodec {

/// How an operation on the road of a picture went: fine, or a message that says what was attempted, on what, and what
/// the system answered. (Setting up throws instead.)
class [[nodiscard]] Status {
  public:
    Status() = default;
    /// `code` where it was the system that answered.
    static Status failure(std::string message, std::error_code code = {}) {
        Status status;
        status.message_ = std::move(message);
        status.code_ = code;
        return status;
    }
    [[nodiscard]] bool ok() const { return message_.empty(); }
    [[nodiscard]] const std::string& message() const { return message_; }
    [[nodiscard]] std::error_code code() const { return code_; }

  private:
    std::string message_;  // empty when fine
    std::error_code code_;
};

}  // namespace smartcodec
