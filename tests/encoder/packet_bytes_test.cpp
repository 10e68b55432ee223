#include "encoder/packet_bytes.h"

#include <doctest/doctest.h>

#include <vector>

using namespace smartcodec;

namespace {

/// A packet of so many bytes, and in `room` how many its memory has.
Packet make(PacketBytes& memory, std::size_t bytes, std::size_t& room) {
    Packet packet;
    PacketBytes::Draft draft = memory.take();
    draft.bytes().assign(bytes, std::byte{1});
    std::vector<std::byte>& own = draft.bytes();  // lives on with the packet
    std::move(draft).finish(packet);
    room = own.capacity();
    return packet;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("memory of a key frame is not kept for small packets") {
        PacketBytes memory;
        std::size_t room = 0;
        CHECK(make(memory, 1'000'000, room).data.size() == 1'000'000);
        CHECK(room >= 1'000'000);
        const Packet small = make(memory, 10'000, room);  // in the same memory
        CHECK(small.data.size() == 10'000);
        CHECK(small.data.back() == std::byte{1});
        CHECK(room <= 20'000);
    }

    TEST_CASE("memory for packets of about the same size stays as it is") {
        PacketBytes memory;
        std::size_t room = 0;
        const std::byte* first = make(memory, 20'000, room).data.data();
        for (const std::size_t bytes : {15'000, 19'000, 11'000, 20'000})
            CHECK(make(memory, bytes, room).data.data() == first);
    }
}
