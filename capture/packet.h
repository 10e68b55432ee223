#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

#include "capture/clock.h"

namespace smartcodec {

/// One encoded picture, or one piece of a track that is copied as it is (audio). Move-only; owns its bytes through
/// whatever library made them. It lives in capture/ because a source's audio arrives already encoded.
struct Packet {
    /// Keeps `data` alive; the deleter knows the library.
    using Owner = std::unique_ptr<void, void (*)(void*)>;

    std::span<const std::byte> data;
    Owner owner{nullptr, [](void*) {}};
    int stream = 0;                        ///< 0 is the recorded video; 1.. are the source's `copiedTracks` in order
    CaptureTime presentation{};            ///< capture time
    CaptureTime decode{};                  ///< never after `presentation`; rises from packet to packet of a stream
    std::chrono::nanoseconds duration{0};  ///< of a copied track's packet; video durations are found by mux/
    bool keyFrame = false;
    /// The encoder had to begin anew and its parameter sets are others now: what follows cannot go into the same MP4.
    bool newStream = false;
};

}  // namespace smartcodec
