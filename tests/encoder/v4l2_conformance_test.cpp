// What any stateful encoder must do for the client to work with it, apart from what an encoder of H.264 must do. Runs
// on emulated devices, and on a real one:
//
//     SMARTCODEC_TEST_ENCODER=/dev/video11 ctest -L device

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "capture/mapping.h"
#include "encoder/v4l2_drivers.h"
#include "encoder/v4l2_session.h"
#include "tests/encoder/v4l2_fixture.h"
#include "tests/support/kernel_dmabuf.h"

namespace smartcodec::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Size kSize{640, 360};  // no encoder is known that takes neither this nor anything near
// No driver rounds it up. What lies below a picture is coded with it where one does (vicodec), and a copy puts other
// things there than a dmabuf has.
constexpr Size kImportSize{640, 384};
constexpr milliseconds kPatience{3000};
constexpr milliseconds kQuiet{300};  // after an empty piece, or where nothing tells the end
constexpr int kPictures = 20;

/// An encoder to be put to the test.
struct Target {
    V4l2System& system;
    V4l2EncoderNode node;
    std::uint32_t coded = 0;
};

V4l2StreamSettings settingsFor(const Target& target) {
    V4l2StreamSettings settings;
    settings.node = target.node;
    settings.coded = target.coded;
    settings.format = kYuv420;
    settings.size = kSize;
    settings.frameRate = {25, 1};
    settings.bitstreamBytes = 640 * 360 * 3;  // room for any quantiser
    return settings;
}

microseconds timestamp(int number) {
    return microseconds((number + 1) * 40'000);
}

/// Pieces by the number of their picture, as they came.
struct Pieces final : V4l2Sink {
    std::map<int, std::vector<std::byte>> byNumber;
    std::vector<int> order;
    std::vector<std::uint32_t> returned;
    int failed = 0;
    int strays = 0;

    void pictureReturned(std::uint32_t index) override { returned.push_back(index); }
    void piece(const V4l2Piece& piece) override {
        failed += piece.failed ? 1 : 0;
        const auto number = static_cast<int>(piece.timestamp.count() / 40'000) - 1;
        if (piece.data.empty() || piece.timestamp != timestamp(number) || number < 0) {
            ++strays;
            return;
        }
        std::vector<std::byte>& bytes = byNumber[number];
        bytes.insert(bytes.end(), piece.data.begin(), piece.data.end());
        if (order.empty() || order.back() != number)
            order.push_back(number);
    }
};

/// Pictures in plain memory, each another.
class Source {
  public:
    explicit Source(PixelFormat format, Size size = kSize) : pool_(format, size) {}
    Frame make(int number) {
        Frame frame = pool_.make({});
        paint(frame->picture, number, {.noise = 4});
        return frame;
    }

  private:
    FramePool pool_;
};

void submit(V4l2Session& session, Pieces& pieces, const Picture& picture, int number) {
    const auto deadline = Clock::now() + kPatience;
    std::optional<V4l2Queue::Buffer> buffer;
    while (!(buffer = session.room(picture))) {
        REQUIRE_MESSAGE(Clock::now() < deadline, "there is no room for picture " << number);
        V4l2Session::Woken woken;
        REQUIRE(session.wait({.limit = kPatience}, woken).ok());
        bool moved = false;
        REQUIRE(session.collect(pieces, moved).ok());
    }
    const V4l2Result result = session.submit(std::move(*buffer), picture, timestamp(number));
    REQUIRE_MESSAGE(result.ok(), result.text());
}

/// Everything out; true if the device said that it had ended.
bool drain(V4l2Session& session, Pieces& pieces, milliseconds patience = kPatience) {
    REQUIRE(session.beginDrain().ok());
    auto last = Clock::now();
    while (!session.ended()) {
        bool moved = false;
        const V4l2Result result = session.collect(pieces, moved);
        REQUIRE_MESSAGE(result.ok(), result.text());
        if (moved) {
            last = Clock::now();
            continue;
        }
        const milliseconds limit = session.maybeEnded() || !session.tellsEnd() ? kQuiet : patience;
        const auto left = std::chrono::ceil<milliseconds>(last + limit - Clock::now());
        if (left.count() <= 0)
            return session.maybeEnded();
        V4l2Session::Woken woken;
        REQUIRE(session.wait({.limit = left}, woken).ok());
    }
    return true;
}

std::vector<int> first(int count) {
    std::vector<int> all;
    for (int i = 0; i < count; ++i)
        all.push_back(i);
    return all;
}

void checkPictures(const Pieces& pieces, int count) {
    CHECK(pieces.failed == 0);
    CHECK(pieces.strays == 0);
    CHECK(pieces.order == first(count));
}

// What is asked of any encoder.

void saysWhatItIs(const Target& target) {
    CHECK_FALSE(target.node.driver.empty());
    const V4l2CodedFormat* format = target.node.find(target.coded);
    REQUIRE(format);
    CHECK_FALSE(format->rawFormats.empty());
    CHECK(format->smallest.width <= format->largest.width);
    CHECK(format->smallest.height <= format->largest.height);
}

void codesEveryPicture(const Target& target) {
    V4l2Session session(target.system, settingsFor(target));
    session.start();
    Source source(kYuv420);
    Pieces pieces;
    for (int number = 0; number < kPictures; ++number)
        submit(session, pieces, source.make(number)->picture, number);
    const bool told = drain(session, pieces);
    CHECK((told || !session.tellsEnd()));
    checkPictures(pieces, kPictures);
    CHECK(session.picturesInside() == 0);
    std::set<std::size_t> different;
    for (const auto& [number, bytes] : pieces.byNumber)
        different.insert(std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    CHECK(different.size() == kPictures);
}

void endsWithNothingInside(const Target& target) {
    V4l2Session session(target.system, settingsFor(target));
    session.start();
    Pieces pieces;
    // The specification asks for an empty last buffer. The client can do without, but loses time.
    WARN_MESSAGE(drain(session, pieces, kQuiet), "it does not tell the end of a stream without pictures");
    CHECK(pieces.order.empty());
}

void beginsAnew(const Target& target) {
    V4l2Session session(target.system, settingsFor(target));
    session.start();
    Source source(kYuv420);
    std::vector<std::byte> firstOfAll;
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        Pieces pieces;
        for (int number = 0; number < 5; ++number)
            submit(session, pieces, source.make(number)->picture, number);
        drain(session, pieces);
        checkPictures(pieces, 5);
        // a stream of its own: its first picture refers to none, so it is as large as the first one ever
        if (round == 0)
            firstOfAll = pieces.byNumber[0];
        else
            CHECK(pieces.byNumber[0].size() * 2 > firstOfAll.size());
        REQUIRE(session.stop().ok());
        REQUIRE(session.run().ok());
    }
}

void canBeStoppedInTheMiddle(const Target& target) {
    V4l2Session session(target.system, settingsFor(target));
    session.start();
    Source source(kYuv420);
    for (int round = 0; round < 3; ++round) {
        Pieces pieces;
        for (int number = 0; number < 3; ++number)
            submit(session, pieces, source.make(number)->picture, number);
        REQUIRE(session.stop().ok());
        CHECK(session.picturesInside() == 0);
        REQUIRE(session.run().ok());
    }
    Pieces pieces;
    submit(session, pieces, source.make(9)->picture, 9);
    drain(session, pieces);
    CHECK(pieces.byNumber.contains(9));
}

void opensAgainAndAgain(const Target& target) {
    for (int round = 0; round < 5; ++round) {
        V4l2Session session(target.system, settingsFor(target));
        session.start();
        Source source(kYuv420);
        Pieces pieces;
        submit(session, pieces, source.make(round)->picture, 0);
        if (round % 2 == 0)
            drain(session, pieces);
    }
}

void takesBothChromaLayouts(const Target& target) {
    std::array<std::vector<std::byte>, 2> streams;
    for (std::size_t i = 0; i < 2; ++i) {
        V4l2StreamSettings settings = settingsFor(target);
        settings.format = i == 0 ? kYuv420 : kNv12;
        V4l2Session session(target.system, settings);
        session.start();
        Source source(settings.format);
        Pieces pieces;
        for (int number = 0; number < 3; ++number)
            submit(session, pieces, source.make(number)->picture, number);
        drain(session, pieces);
        checkPictures(pieces, 3);
        for (const auto& [number, bytes] : pieces.byNumber)
            streams[i].insert(streams[i].end(), bytes.begin(), bytes.end());
    }
    CHECK(streams[0] == streams[1]);
}

/// A dmabuf of the kernel's, where it has a way of making one; for emulated devices a memfd will do.
UniqueFd makeDmabuf(bool emulated, std::size_t bytes) {
    if (!emulated)
        return makeKernelDmabuf(bytes);
    UniqueFd memory(memfd_create("a picture", MFD_CLOEXEC));
    REQUIRE(memory);
    REQUIRE(ftruncate(memory.get(), static_cast<off_t>(bytes)) == 0);
    return memory;
}

/// The same pictures through imported dmabufs and through copies are the same stream.
void importsWhatItWouldCopy(const Target& target, bool emulated) {
    V4l2StreamSettings copying = settingsFor(target);
    copying.size = kImportSize;
    std::vector<std::byte> copied;
    Picture layout;
    {
        V4l2Session session(target.system, copying);
        session.start();
        const std::optional<RawLayout> raw = RawLayout::of(session.frameFormat());
        REQUIRE(raw);
        layout.format = raw->format;
        layout.size = kImportSize;
        for (std::size_t i = 0; i < static_cast<std::size_t>(planeCount(raw->format)); ++i) {
            if (raw->places[i].bufferPlane != 0)
                return;  // formats of several planes are imported too, but not from one dmabuf
            layout.planes[i].offsetBytes = raw->places[i].offsetBytes;
            layout.planes[i].strideBytes = raw->places[i].strideBytes;
        }
        Source source(kYuv420, kImportSize);
        Pieces pieces;
        for (int number = 0; number < 8; ++number)
            submit(session, pieces, source.make(number)->picture, number);
        drain(session, pieces);
        for (const auto& [number, bytes] : pieces.byNumber)
            copied.insert(copied.end(), bytes.begin(), bytes.end());
    }
    std::array<UniqueFd, 3> dmabufs;
    for (UniqueFd& dmabuf : dmabufs) {
        dmabuf = makeDmabuf(emulated, kImportSize.width * kImportSize.height * 4);
        if (!dmabuf) {
            MESSAGE("neither /dev/dma_heap/system nor /dev/udmabuf nor vgem: import is not looked at");
            return;
        }
    }
    V4l2StreamSettings importing = copying;
    importing.format = layout.format;
    for (Plane& plane : layout.planes)
        plane.dmabuf = dmabufs[0].get();
    importing.dmabufLayout = layout;
    V4l2Session session(target.system, importing);
    session.start();
    REQUIRE_MESSAGE(session.imports(), session.importRefusal());
    Pieces pieces;
    for (int number = 0; number < 8; ++number) {
        Picture picture = layout;
        for (Plane& plane : picture.planes)
            plane.dmabuf = dmabufs[static_cast<std::size_t>(number) % dmabufs.size()].get();
        // not before the device has done with what was in it
        while (session.picturesInside() >= dmabufs.size()) {
            V4l2Session::Woken woken;
            REQUIRE(session.wait({.limit = kPatience}, woken).ok());
            bool moved = false;
            REQUIRE(session.collect(pieces, moved).ok());
        }
        Mapping mapping;
        REQUIRE(mapping.open(picture, Mapping::Access::Write).ok());
        paint(mapping.picture(), number, {.noise = 4});
        mapping.close();
        submit(session, pieces, picture, number);
    }
    drain(session, pieces);
    checkPictures(pieces, 8);
    std::vector<std::byte> imported;
    for (const auto& [number, bytes] : pieces.byNumber)
        imported.insert(imported.end(), bytes.begin(), bytes.end());
    CHECK(imported == copied);
}

void whatAnyEncoderDoes(const Target& target, bool emulated) {
    CAPTURE(target.node.path);
    CAPTURE(target.node.driver);
    CAPTURE(v4l2FourccName(target.coded));
    saysWhatItIs(target);
    codesEveryPicture(target);
    endsWithNothingInside(target);
    if (driverFacts(target.node.driver).restarts) {
        beginsAnew(target);
        canBeStoppedInTheMiddle(target);
    }
    opensAgainAndAgain(target);
    takesBothChromaLayouts(target);
    importsWhatItWouldCopy(target, emulated);
}

// What is asked of an encoder of H.264 or HEVC.

void whatARecorderNeeds(V4l2System& system, const std::string& path, Codec codec) {
    CAPTURE(path);
    CAPTURE(std::string(name(codec)));
    EncoderConfig config = smallConfig(codec);
    config.size = kSize;
    config.maxBitrate = {3'000'000};
    const auto encoder = openV4l2Encoder(config, path, system);
    CHECK_FALSE(encoder->parameterSets().empty());
    const std::set<int> wanted{0, 25, 50};
    const V4l2Recording recording = record(*encoder, config, 75, [&](int number, EncodeParameters& parameters) {
        parameters.keyFrame = wanted.contains(number);
    });
    CHECK_MESSAGE(recording.failure == "", recording.failure);
    checkStream(recording, codec);
    CHECK(recording.packets.size() == 75);
    CHECK(decodeAll(codec, encoder->parameterSets(), recording.packets).size() == recording.packets.size());
    for (const int number : wanted)
        CHECK(std::ranges::any_of(recording.packets, [&](const Packet& packet) {
            return packet.keyFrame && packet.presentation >= at(number) && packet.presentation <= at(number + 8);
        }));
    CHECK(std::ranges::none_of(recording.packets, [](const Packet& packet) { return packet.newStream; }));
}

/// The real encoder, or null, which is said.
const char* realEncoder() {
    const char* path = std::getenv("SMARTCODEC_TEST_ENCODER");
    if (!path)
        MESSAGE("skipped: SMARTCODEC_TEST_ENCODER is not set; set it to an encoder's node, such as /dev/video11");
    return path;
}

V4l2EncoderNode describeNode(V4l2System& system, const std::string& path) {
    const V4l2Device device(system, path);
    const std::optional<V4l2EncoderNode> node = describeEncoder(device);
    REQUIRE_MESSAGE(node, path << " is no stateful encoder");
    return *node;
}

TEST_SUITE("unit") {
    TEST_CASE("emulated encoders of every driver do what any encoder must do") {
        for (const V4l2Personality& personality : v4l2Personalities()) {
            EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
            const V4l2EncoderNode node = describeNode(system, "/dev/video0");
            CHECK(node.driver == personality.driver);
            CHECK(node.multiplanar == personality.multiplanar);
            for (const V4l2CodedFormat& format : node.formats)
                whatAnyEncoderDoes({system, node, format.fourcc}, true);
            CHECK(system.openDescriptors() == 0);
            CHECK(system.mappings() == 0);
        }
    }
}

TEST_SUITE("integration") {
    TEST_CASE("emulated encoders of every driver do what a recorder needs") {
        for (const V4l2Personality& personality : v4l2Personalities()) {
            EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Real);
            const V4l2EncoderNode node = describeNode(system, "/dev/video0");
            for (const Codec codec : {Codec::H264, Codec::Hevc})
                if (node.find(v4l2Fourcc(codec)))
                    whatARecorderNeeds(system, node.path, codec);
        }
    }
}

TEST_SUITE("device") {
    TEST_CASE("the encoder at SMARTCODEC_TEST_ENCODER does what any encoder must do") {
        const char* path = realEncoder();
        if (!path)
            return;
        const V4l2EncoderNode node = describeNode(v4l2System(), path);
        for (const V4l2CodedFormat& format : node.formats)
            whatAnyEncoderDoes({v4l2System(), node, format.fourcc}, false);
    }

    TEST_CASE("the encoder at SMARTCODEC_TEST_ENCODER does what a recorder needs") {
        const char* path = realEncoder();
        if (!path)
            return;
        const V4l2EncoderNode node = describeNode(v4l2System(), path);
        bool any = false;
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            if (node.find(v4l2Fourcc(codec))) {
                whatARecorderNeeds(v4l2System(), path, codec);
                any = true;
            }
        if (!any)
            MESSAGE("it codes neither H.264 nor HEVC: nothing is asked of it here");
    }
}

}  // namespace
}  // namespace smartcodec::test
