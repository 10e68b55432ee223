#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "app/stage.h"

namespace smartcodec::test {

/// A packet of so many bytes of its own.
[[nodiscard]] inline Packet makePacket(int stream, CaptureTime time, std::size_t bytes, bool keyFrame = false) {
    Packet packet;
    auto* memory = new std::vector<std::byte>(bytes);
    packet.owner = Packet::Owner(memory, [](void* owned) { delete static_cast<std::vector<std::byte>*>(owned); });
    packet.data = *memory;
    packet.stream = stream;
    packet.presentation = packet.decode = time;
    packet.keyFrame = keyFrame;
    return packet;
}

}  // namespace smartcodec::test
