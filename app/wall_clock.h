#pragma once

#include <chrono>
#include <functional>

#include "capture/clock.h"
#include "mux/segment_name.h"

namespace smartcodec {

/// Both clocks at one moment.
struct ClockReading {
    WallTime wall;
    CaptureTime boot;
};
using ReadClocks = std::function<ClockReading()>;

/// The system's.
[[nodiscard]] ClockReading readSystemClocks();

/// Tells what the wall clock says of a picture's time. The wall clock may jump: what it says is asked for anew each
/// time, and nothing but names and indexes is made of it. Files and the scene count from zero: to them the recording's
/// beginning is the first picture's time. Thread-bound; copies agree.
class WallTimes {
  public:
    /// `live`: pictures have the boot clock's times. `read` is called on whatever thread asks.
    WallTimes(ReadClocks read, bool live);

    /// Before the first of the following: the time of the recording's first picture.
    void begin(CaptureTime first);
    [[nodiscard]] bool begun() const { return begun_; }

    [[nodiscard]] WallTime wall(CaptureTime time) const;
    /// The boot clock's.
    [[nodiscard]] CaptureTime boot(CaptureTime time) const { return time + offset_; }

    [[nodiscard]] WallTime now() const { return read_().wall; }
    [[nodiscard]] CaptureTime bootNow() const { return read_().boot; }

  private:
    ReadClocks read_;
    bool live_;
    bool begun_ = false;
    CaptureTime opened_;
    std::chrono::nanoseconds offset_{0};
};

}  // namespace smartcodec
