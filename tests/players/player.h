#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace smartcodec::test {

/// A player that others use, with one file open in it. Thread-bound.
class Player {
  public:
    /// Which picture it shows at the place that it was sent to.
    enum class Shows {
        TheOneThere,  ///< the one whose time it is
        TheNext,      ///< the first that begins there or later
    };

    virtual ~Player() = default;
    [[nodiscard]] virtual Shows shows() const = 0;
    /// Whether it finds out how long a file takes that has no index.
    [[nodiscard]] virtual bool looksForTheEnd() const { return true; }
    /// Seconds that it says the file takes; throws std::runtime_error if it knows none.
    [[nodiscard]] virtual double duration() = 0;
    /// Goes to a place and reads the number in the picture that is shown there; empty: there is no number in it. Throws
    /// std::runtime_error if the player cannot.
    [[nodiscard]] virtual std::optional<std::uint32_t> numberAt(double seconds) = 0;
};

// Each throws std::runtime_error with what the player said if it does not open the file.

/// The programs ffprobe and ffmpeg.
[[nodiscard]] std::unique_ptr<Player> openInFfmpeg(const std::string& path);
/// ffplay plays from that place to the end, without a window. Nobody sees what.
void playInFfplay(const std::string& path, double seconds);
/// `decodebin` in a pipeline that is paused.
[[nodiscard]] std::unique_ptr<Player> openInGstreamer(const std::string& path);

/// Chromium without a window, for any number of files one after the other. Thread-bound.
class Chromium {
  public:
    /// Throws std::runtime_error if it does not start, and says what installs it if it is not there.
    Chromium();
    ~Chromium();
    Chromium(const Chromium&) = delete;
    Chromium& operator=(const Chromium&) = delete;

    [[nodiscard]] static bool isThere();
    /// Debian's build decodes H.264 and no HEVC, unless a graphics card does.
    [[nodiscard]] bool plays(const std::string& mimeType);
    /// A `<video>` of the file; one at a time.
    [[nodiscard]] std::unique_ptr<Player> open(const std::string& path);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec::test
