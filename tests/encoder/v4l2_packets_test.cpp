#include "encoder/v4l2_packets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace smartcodec {
namespace {

using Bytes = std::vector<std::byte>;

constexpr FrameRate kRate{25, 1};

Bytes unit(int header, int payload) {
    Bytes bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, static_cast<std::byte>(header)};
    for (int i = 0; i < 8; ++i)
        bytes.push_back(static_cast<std::byte>(0x80 | (payload & 0x7f)));
    return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Bytes sets(int variant) {
    return unit(0x67, variant) + unit(0x68, variant);
}
Bytes key(int mark) {
    return unit(0x65, mark);
}
Bytes other(int mark) {
    return unit(0x41, mark);
}
/// Not the first of its picture.
Bytes slice(int header, int mark) {
    Bytes bytes = unit(header, mark);
    bytes[5] = std::byte{0x41};
    return bytes;
}
const Bytes kDelimiter{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0x09}, std::byte{0x10}};

/// Frames that are in, in order, and what comes of them.
struct Stream {
    FrameTimeline timeline{kRate};
    std::vector<V4l2Packets::Finished> finished;
    V4l2Packets packets{Codec::H264, kRate, timeline, [this](const auto& packet) { finished.push_back(packet); }};

    explicit Stream(int frames) {
        packets.setParameterSets(sets(1));
        for (int i = 0; i < frames; ++i) {
            const auto number = timeline.add(CaptureTime(std::chrono::milliseconds(1000 * i)));
            REQUIRE(number == i);
            REQUIRE(packets.expect(*number));
        }
    }

    void give(int frame, const Bytes& data, bool full = false) {
        packets.piece({.data = data, .timestamp = packets.timestamp(frame), .full = full});
    }
    void giveAt(std::int64_t microseconds, const Bytes& data) {
        packets.piece({.data = data, .timestamp = std::chrono::microseconds(microseconds)});
    }
    void fail(int frame) { packets.piece({.data = {}, .timestamp = packets.timestamp(frame), .failed = true}); }

    std::vector<int> numbers() const {
        std::vector<int> all;
        for (const auto& packet : finished)
            all.push_back(static_cast<int>(packet.number));
        return all;
    }
    Bytes next() {
        last = packets.take();
        return last ? Bytes(last->data.begin(), last->data.end()) : Bytes{};
    }
    std::optional<Packet> last;
};

TEST_SUITE("unit") {
    TEST_CASE("a packet carries its frame's time and nothing comes twice") {
        Stream stream(3);
        stream.give(0, sets(1) + key(0));
        stream.give(1, other(1));
        CHECK(stream.next() == sets(1) + key(0));
        CHECK(stream.last->keyFrame);
        CHECK_FALSE(stream.last->newStream);
        CHECK(stream.last->presentation == CaptureTime{});
        CHECK(stream.next() == other(1));
        CHECK_FALSE(stream.last->keyFrame);
        CHECK(stream.last->presentation == CaptureTime(std::chrono::seconds(1)));
        CHECK(stream.last->decode == stream.last->presentation);
        stream.give(1, other(9));
        CHECK(stream.next().empty());
        CHECK(stream.packets.counts().strays == 1);
    }

    TEST_CASE("timestamps that were cut short are recognised and others are not") {
        Stream stream(3);
        CHECK(stream.packets.timestamp(0).count() == 40'000);
        stream.giveAt(39'900, sets(1) + key(0));
        stream.giveAt(80'700, other(1));
        stream.giveAt(100'000, other(2));  // between two frames
        stream.giveAt(0, other(2));
        stream.giveAt(-40'000, other(2));
        stream.giveAt(400'000, other(2));  // of a frame that never went in
        CHECK(stream.numbers() == std::vector<int>{0, 1});
        CHECK(stream.packets.counts().strays == 4);
        CHECK(stream.packets.pending() == 1);
    }

    TEST_CASE("frames come in their order and a missing one is given up after three later ones") {
        Stream stream(8);
        stream.give(0, key(0));
        stream.give(2, other(2));
        CHECK(stream.packets.heldBack());
        stream.give(1, other(1));
        CHECK_FALSE(stream.packets.heldBack());
        stream.give(4, other(4));
        stream.give(5, other(5));
        CHECK(stream.numbers() == std::vector<int>{0, 1, 2});
        stream.give(6, other(6));
        CHECK(stream.numbers() == std::vector<int>{0, 1, 2, 4, 5, 6});
        CHECK(stream.packets.counts().swallowed == 1);
        stream.give(3, other(3));  // too late: what came after refers to it
        CHECK(stream.packets.counts().strays == 1);
        CHECK(stream.packets.takeKeyFrameWish());
        stream.give(7, other(7));
        CHECK(stream.numbers().size() == 6);
    }

    TEST_CASE("giving up what is missing goes no further than the next frame that is there") {
        Stream stream(6);
        stream.give(0, key(0));
        stream.give(2, other(2));
        stream.give(4, other(4));
        stream.packets.giveUpMissing();
        CHECK(stream.numbers() == std::vector<int>{0, 2});
        CHECK(stream.packets.counts().swallowed == 1);
        CHECK(stream.packets.heldBack());
        stream.give(3, other(3));  // late, but not too late
        CHECK(stream.numbers() == std::vector<int>{0, 2, 3, 4});
        CHECK_FALSE(stream.packets.takeKeyFrameWish());
    }

    TEST_CASE("flushing gives up what is missing and hands on the rest") {
        Stream stream(5);
        stream.give(0, key(0));
        stream.give(2, other(2));
        stream.packets.flush();
        CHECK(stream.numbers() == std::vector<int>{0, 2});
        CHECK(stream.packets.pending() == 0);
        CHECK(stream.packets.counts().swallowed == 3);
        CHECK_FALSE(stream.packets.expect(4));
    }

    TEST_CASE("pieces of a frame are joined where a buffer was full") {
        Stream stream(4);
        const Bytes whole = sets(1) + key(0);
        stream.give(0, Bytes(whole.begin(), whole.begin() + 12), true);
        CHECK(stream.finished.empty());
        stream.give(0, Bytes(whole.begin() + 12, whole.end()));
        CHECK(stream.next() == whole);
        // a buffer that happens to be full to the last byte ends with the next frame
        stream.give(1, other(1), true);
        CHECK(stream.next().empty());
        stream.give(2, other(2));
        CHECK(stream.next() == other(1));
        CHECK(stream.next() == other(2));
        stream.give(3, other(4), true);
        stream.packets.flush();
        CHECK(stream.next() == other(4));
    }

    TEST_CASE("a second slice of what seemed whole is joined to it and its bytes are told") {
        Stream stream(2);
        stream.give(0, sets(1) + key(0));
        stream.give(0, slice(0x65, 1));
        CHECK(stream.next() == sets(1) + key(0) + slice(0x65, 1));
        CHECK(stream.last->keyFrame);
        REQUIRE(stream.numbers() == std::vector<int>{0, 0});
        CHECK(stream.finished[0].bytes + stream.finished[1].bytes == stream.last->data.size());
        CHECK_FALSE(stream.packets.takeKeyFrameWish());
    }

    TEST_CASE("slices that come after their picture was taken cost one key frame and no later picture") {
        Stream stream(6);
        stream.give(0, sets(1) + key(0));
        CHECK_FALSE(stream.next().empty());
        stream.give(0, slice(0x65, 0));  // too late
        CHECK(stream.packets.takeKeyFrameWish());
        stream.give(1, other(1));
        CHECK(stream.next().empty());
        stream.give(1, slice(0x41, 1));
        stream.give(2, sets(1) + key(2));
        CHECK(stream.next().empty());
        stream.give(2, slice(0x65, 2));
        stream.give(2, slice(0x65, 3));
        stream.give(3, other(3));
        CHECK(stream.next() == sets(1) + key(2) + slice(0x65, 2) + slice(0x65, 3));
        stream.give(3, slice(0x41, 3), true);
        stream.give(3, Bytes(5, std::byte{0x77}));  // of the slice that was cut off
        stream.give(4, other(4));
        CHECK(stream.next() == other(3) + slice(0x41, 3) + Bytes(5, std::byte{0x77}));
        CHECK(stream.packets.takeKeyFrameWish());  // for the one picture that refers to the first
        stream.give(4, slice(0x41, 4));
        stream.give(5, other(5));
        CHECK(stream.next() == other(4) + slice(0x41, 4));
        stream.packets.flush();
        CHECK(stream.next() == other(5));
        CHECK_FALSE(stream.packets.takeKeyFrameWish());
        CHECK(stream.packets.counts().strays == 1);
        CHECK(stream.packets.counts().spoiled == 1);
    }

    TEST_CASE("two pictures with one timestamp are not made one") {
        Stream stream(5);
        stream.give(0, sets(1) + key(0));
        stream.give(0, other(1));
        CHECK(stream.next() == sets(1) + key(0));
        CHECK(stream.packets.counts().strays == 1);
        CHECK(stream.packets.takeKeyFrameWish());  // what follows refers to what is gone
        stream.give(1, key(1));
        stream.give(3, other(3));  // held back by 2
        stream.give(3, other(4));
        CHECK(stream.packets.takeKeyFrameWish());
        stream.give(2, other(2));
        stream.give(4, other(4));
        CHECK(stream.numbers() == std::vector<int>{0, 1});
    }

    TEST_CASE("parameter sets go behind the access unit delimiter and leave one of them") {
        Stream stream(4);
        stream.give(0, kDelimiter + key(0));  // those of the beginning
        CHECK(stream.next() == kDelimiter + sets(1) + key(0));
        stream.giveAt(0, sets(2));
        stream.give(1, kDelimiter + key(1));
        CHECK(stream.next() == kDelimiter + sets(2) + key(1));
        stream.giveAt(0, kDelimiter + sets(3));
        stream.give(2, kDelimiter + key(2));
        CHECK(stream.next() == kDelimiter + sets(3) + key(2));
        stream.giveAt(0, kDelimiter + sets(4));
        stream.give(3, key(3));
        CHECK(stream.next() == kDelimiter + sets(4) + key(3));
    }

    TEST_CASE("parameter sets go in front of key frames that lack them and are joined where they come apart") {
        Stream stream(4);
        stream.giveAt(0, sets(1));
        stream.give(0, key(0));
        CHECK(stream.next() == sets(1) + key(0));
        stream.give(1, key(1));
        CHECK(stream.next() == sets(1) + key(1));
        stream.give(2, other(2));
        CHECK(stream.next() == other(2));
        stream.give(3, sets(1) + key(3));
        CHECK(stream.next() == sets(1) + key(3));
        CHECK_FALSE(stream.last->newStream);
    }

    TEST_CASE("parameter sets that come one by one are joined and replace those before them") {
        Stream stream(4);
        const auto giveApart = [&](int variant) {
            stream.giveAt(0, unit(0x67, variant));
            stream.giveAt(0, unit(0x68, variant));
        };
        giveApart(2);
        giveApart(3);  // of a picture that never came
        stream.give(0, key(0));
        CHECK(stream.next() == sets(3) + key(0));
        CHECK(stream.last->newStream);
        giveApart(3);
        stream.give(1, key(1));
        CHECK(stream.next() == sets(3) + key(1));
        CHECK_FALSE(stream.last->newStream);
        stream.giveAt(0, unit(0x67, 4));
        stream.give(2, unit(0x68, 4) + key(2));
        CHECK(stream.next() == sets(4) + key(2));
        CHECK(stream.last->newStream);
        CHECK(stream.packets.counts().strays == 0);
    }

    TEST_CASE("other parameter sets make a new stream that is known when its first packet is taken") {
        Stream stream(3);
        stream.give(0, sets(1) + key(0));
        stream.give(1, sets(2) + key(1));
        stream.give(2, key(2));
        const auto shown = [&] {
            return Bytes(stream.packets.parameterSets().begin(), stream.packets.parameterSets().end());
        };
        stream.next();
        CHECK(shown() == sets(1));
        stream.next();
        CHECK(stream.last->newStream);
        CHECK(shown() == sets(2));
        CHECK(stream.next() == sets(2) + key(2));
        CHECK_FALSE(stream.last->newStream);
    }

    TEST_CASE("a stream begins with a key frame and so does what follows a frame that failed") {
        Stream stream(8);
        stream.give(0, other(0));  // nothing can be made of it
        stream.give(1, key(1));
        stream.give(2, other(2));
        CHECK(stream.numbers() == std::vector<int>{1, 2});
        CHECK(stream.packets.takeKeyFrameWish());
        CHECK_FALSE(stream.packets.takeKeyFrameWish());
        CHECK_FALSE(stream.packets.takeFailure());
        stream.fail(3);
        CHECK(stream.packets.takeFailure());
        CHECK(stream.packets.takeKeyFrameWish());
        stream.give(4, other(4));
        stream.give(5, key(5));
        stream.give(6, other(6));
        CHECK(stream.numbers() == std::vector<int>{1, 2, 5, 6});
        CHECK(stream.packets.counts().spoiled == 3);
    }

    TEST_CASE("frames that go in again after a break are expected anew unless they are out already") {
        Stream stream(6);
        stream.give(0, key(0));
        stream.give(1, other(1));
        stream.give(3, other(3));
        stream.packets.beginStream();  // 2 is missing: 3 is handed on all the same
        CHECK(stream.numbers() == std::vector<int>{0, 1, 3});
        CHECK(stream.packets.counts().swallowed == 3);
        CHECK_FALSE(stream.packets.expect(2));
        CHECK_FALSE(stream.packets.expect(3));
        CHECK(stream.packets.expect(4));
        CHECK(stream.packets.expect(5));
        CHECK(stream.packets.counts().swallowed == 1);
        stream.give(4, other(4));  // of the new stream, which begins with a key frame
        stream.give(5, key(5));
        CHECK(stream.numbers() == std::vector<int>{0, 1, 3, 5});
    }

    TEST_CASE("what is no picture is passed over") {
        Stream stream(2);
        stream.give(0, Bytes(64, std::byte{0x5a}));
        stream.give(0, unit(0x06, 3));  // SEI alone
        stream.give(0, key(0));
        CHECK(stream.numbers() == std::vector<int>{0});
        CHECK(stream.packets.counts().strays == 2);
    }

    TEST_CASE("packets use the same memory again and may outlive everything on another thread") {
        std::optional<Packet> survivor;
        const std::byte* first = nullptr;
        {
            Stream stream(40);
            stream.give(0, key(0));
            first = stream.packets.take()->data.data();  // dies at once
            bool again = false;
            for (int i = 1; i < 40; ++i) {
                stream.give(i, other(i));
                survivor = stream.packets.take();
                again = again || survivor->data.data() == first;
            }
            CHECK(again);
        }
        std::thread([packet = std::move(*survivor)]() mutable {
            CHECK(packet.data.size() == other(39).size());
            packet.owner.reset();
        }).join();
    }
}

}  // namespace
}  // namespace smartcodec
