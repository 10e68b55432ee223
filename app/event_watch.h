#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "analysis/decision.h"
#include "app/event.h"
#include "capture/clock.h"

namespace smartcodec {

/// Says, picture by picture, when something happens. That is where three of the last five pictures, or of those of half
/// a second where these are more, show something that moves, however little of the picture it is: a level above
/// static, whose threshold is the noise itself. How much of the picture it is says nothing of its worth; and one
/// picture alone may be the sum of a shadow's creeping, a flicker, or noise that was rarer than it should be. A scene
/// cut, such as a hand on the lens, is enough by itself; light is not. Thread-bound, but for `signal`.
class EventWatch {
  public:
    /// `postRoll`: how long an event goes on after the last thing that happened.
    explicit EventWatch(std::chrono::nanoseconds postRoll) : postRoll_(postRoll) {}

    /// Somebody wants an event from the next picture on. Any thread.
    void signal() { signalled_.store(true, std::memory_order_relaxed); }

    /// Whether the event that was on is over with the picture of this time, which is to be a key frame then. Before
    /// `look`, and true once for each event.
    [[nodiscard]] bool endsAt(CaptureTime time);

    /// A picture that was looked at, and what was decided of it.
    void look(CaptureTime time, const Decision& decision);
    /// One that was not looked at, since the machine could not keep up.
    void skip(CaptureTime time) { take(time, {}); }
    /// One that nobody can look at any more: all are wanted from here on.
    void goBlind(CaptureTime time) { take(time, {.unwatched = true}); }

    [[nodiscard]] bool isOn() const { return until_.has_value(); }
    /// Whether an event has begun since this was asked last.
    [[nodiscard]] bool takeBeginning() { return std::exchange(began_, false); }

    /// What happened since this was taken last: goes with the next picture that is recorded.
    [[nodiscard]] std::optional<EventMark> takeMark() { return std::exchange(mark_, std::nullopt); }

  private:
    struct Seen {
        CaptureTime time{};
        std::uint64_t number = 0;  // among the pictures looked at
    };
    [[nodiscard]] bool noteMotion(CaptureTime time);
    void take(CaptureTime time, EventCause cause);
    void mark(CaptureTime from, CaptureTime time, const EventCause& cause);

    static constexpr std::size_t kEnough = 3;  // pictures with motion
    static constexpr std::uint64_t kOfPictures = 5;
    static constexpr std::chrono::nanoseconds kWithin = std::chrono::milliseconds(500);

    const std::chrono::nanoseconds postRoll_;
    std::atomic<bool> signalled_{false};
    std::array<Seen, kEnough> moving_{};  // the last ones, used in turn
    std::size_t motions_ = 0;
    std::uint64_t looked_ = 0;
    std::optional<CaptureTime> until_;  // of the event that is on
    bool began_ = false;
    std::optional<EventMark> mark_;
};

}  // namespace smartcodec
