// Recording with the kernel's virtual encoder: FWHT, whose headers tell what it did.

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "encoder/v4l2_encoder.h"
#include "tests/device/kernel_devices.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

constexpr Size kSize{640, 384};  // near the smallest that it codes; not rounded up, so that there is nothing to pad
constexpr int kLongestGop = 16;

// struct fwht_cframe_hdr (drivers/media/test-drivers/vicodec/codec-fwht.h): 32 bits each, most significant byte first
constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kWidthAt = 12;
constexpr std::size_t kHeightAt = 16;
constexpr std::size_t kFlagsAt = 20;
constexpr unsigned kIntra = 1U << 10;

unsigned field(const Packet& packet, std::size_t at) {
    unsigned value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | std::to_integer<unsigned>(packet.data[at + i]);
    return value;
}

bool isIntra(const Packet& packet) {
    REQUIRE(packet.data.size() > kHeaderBytes);
    return (field(packet, kFlagsAt) & kIntra) != 0;
}

EncoderConfig fwhtConfig() {
    EncoderConfig config = smallConfig(Codec::Fwht);
    config.size = kSize;
    config.maxBitrate = {50'000'000};  // far above what comes of these pictures
    return config;
}

/// Every frame, in order, at its own time, and the header's word on what is a key frame.
void checkPackets(const V4l2Recording& recording, int count) {
    CHECK_MESSAGE(recording.failure.empty(), recording.failure);
    REQUIRE(static_cast<int>(recording.packets.size()) == count);
    for (int number = 0; number < count; ++number) {
        const Packet& packet = recording.packets[static_cast<std::size_t>(number)];
        CAPTURE(number);
        CHECK(packet.presentation == at(number));
        CHECK(packet.keyFrame == isIntra(packet));
        CHECK(static_cast<int>(field(packet, kWidthAt)) == kSize.width);
        CHECK(static_cast<int>(field(packet, kHeightAt)) == kSize.height);
        CHECK_FALSE(packet.newStream);
    }
}

double meanBytes(const V4l2Recording& recording, std::size_t begin, std::size_t end) {
    double bytes = 0;
    int count = 0;
    for (std::size_t i = begin; i < end; ++i)
        if (!recording.packets[i].keyFrame) {
            bytes += static_cast<double>(recording.packets[i].data.size());
            ++count;
        }
    return bytes / std::max(count, 1);
}

/// Calls `test` with the path of a vicodec of either kind.
template <typename Test>
void onBothKinds(Test&& test) {
    for (const bool multiplanar : {false, true}) {
        CAPTURE(multiplanar);
        const Vicodec vicodec(multiplanar);
        KernelLog log;
        test(vicodec.node());
        for (const std::string& complaint : log.complaints())
            FAIL_CHECK("the kernel says: " << complaint);
    }
}

TEST_SUITE("encoder") {
    TEST_CASE("vicodec makes a key frame of every frame that is to be one") {
        onBothKinds([](const std::string& node) {
            const EncoderConfig config = fwhtConfig();
            const auto encoder = openV4l2Encoder(config, node);
            CHECK(encoder->parameterSets().empty());
            CHECK_FALSE(encoder->capabilities().keyFrameOnRequest);
            const std::set<int> wanted{0, 5, 30, 31, 39};
            const V4l2Recording recording = record(*encoder, config, 40, [&](int number, EncodeParameters& parameters) {
                parameters.keyFrame = wanted.contains(number);
            });
            checkPackets(recording, 40);
            int last = 0;
            for (int number = 0; number < static_cast<int>(recording.packets.size()); ++number) {
                const bool keyFrame = recording.packets[static_cast<std::size_t>(number)].keyFrame;
                CAPTURE(number);
                CHECK(keyFrame == (wanted.contains(number) || number - last == kLongestGop));
                last = keyFrame ? number : last;
            }
        });
    }

    TEST_CASE("vicodec codes coarser from the very frame whose map says so") {
        onBothKinds([](const std::string& node) {
            EncoderConfig config = fwhtConfig();
            config.quality = 5;
            const auto encoder = openV4l2Encoder(config, node);
            CHECK(encoder->capabilities().regions == RegionSupport::QpRange);
            QpMap coarse;
            coarse.columns = (kSize.width + QpMap::kBlock - 1) / QpMap::kBlock;
            coarse.rows = (kSize.height + QpMap::kBlock - 1) / QpMap::kBlock;
            coarse.delta.assign(static_cast<std::size_t>(coarse.columns * coarse.rows), 12);
            const V4l2Recording recording = record(*encoder, config, 36, [&](int number, EncodeParameters& parameters) {
                if (number >= 12 && number < 24)
                    parameters.qpMap = &coarse;
            });
            checkPackets(recording, 36);
            const double fine = meanBytes(recording, 1, 12);
            // the encoder may have a frame or two inside that were meant to be fine
            CHECK(meanBytes(recording, 14, 24) < 0.8 * fine);
            CHECK(meanBytes(recording, 26, 36) > 0.9 * fine);
        });
    }

    TEST_CASE("vicodec is kept near the cap by its QP") {
        const Vicodec vicodec({});
        EncoderConfig config = fwhtConfig();
        config.quality = 2;
        config.maxBitrate = {4'000'000};  // a tenth of what these pictures take
        const auto encoder = openV4l2Encoder(config, vicodec.node());
        const V4l2Recording recording = record(*encoder, config, 70);
        checkPackets(recording, 70);
        CHECK(meanBytes(recording, 50, 70) < 0.5 * meanBytes(recording, 1, 10));
    }

    TEST_CASE("dmabufs of the kernel go into vicodec as they are and come back") {
        onBothKinds([](const std::string& node) {
            constexpr int kPictures = 20;  // each of the six dmabufs several times
            EncoderConfig config = fwhtConfig();
            config.format = kNv12;
            std::vector<std::vector<std::byte>> streams;
            for (const bool dmabufs : {false, true}) {
                CAPTURE(dmabufs);
                DmabufPictures pictures(kNv12, kSize, 6, {.untouchable = true, .kernel = true});
                if (dmabufs)
                    config.dmabufLayout = pictures.layout();
                const auto encoder = openV4l2Encoder(config, node);
                CHECK(encoder->capabilities().importsDmabufs == dmabufs);
                V4l2Recording recording;
                if (dmabufs) {
                    for (int number = 0; number < kPictures; ++number) {
                        const Status status =
                            encoder->encode(pictures.make(number, at(number)), {.bitrate = config.maxBitrate});
                        REQUIRE_MESSAGE(status.ok(), status.message());
                        while (std::optional<Packet> packet = encoder->takePacket())
                            recording.packets.push_back(std::move(*packet));
                    }
                    const Status status = encoder->drain();
                    REQUIRE_MESSAGE(status.ok(), status.message());
                    while (std::optional<Packet> packet = encoder->takePacket())
                        recording.packets.push_back(std::move(*packet));
                } else {
                    recording = record(*encoder, config, kPictures);
                }
                checkPackets(recording, kPictures);
                CHECK(pictures.leased() == 0);
                std::vector<std::byte>& stream = streams.emplace_back();
                for (const Packet& packet : recording.packets)
                    stream.insert(stream.end(), packet.data.begin(), packet.data.end());
            }
            CHECK((streams[0] == streams[1]));
        });
    }

    TEST_CASE("vicodec says what it lacks") {
        const Vicodec vicodec({});
        EncoderConfig config = fwhtConfig();
        const auto encoder = openV4l2Encoder(config, vicodec.node());
        std::string notes;
        for (const std::string& note : encoder->capabilities().notes)
            notes += note + "\n";
        CAPTURE(notes);
        CHECK(notes.find("no rate control") != std::string::npos);
        CHECK(notes.find("it is restarted for each") != std::string::npos);
        CHECK(notes.find("after 16 frames at the latest") != std::string::npos);
        config.codec = Codec::H264;
        CHECK_THROWS_WITH_AS(static_cast<void>(openV4l2Encoder(config, vicodec.node())),
                             doctest::Contains("does not code h264"), std::runtime_error);
    }
}

}  // namespace
}  // namespace smartcodec::test
