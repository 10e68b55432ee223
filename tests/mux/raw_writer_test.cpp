#include "mux/raw_writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>

#include "tests/mux/mux_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

using Data = std::vector<std::byte>;

Data bytes(std::initializer_list<int> values) {
    Data data;
    for (const int value : values)
        data.push_back(static_cast<std::byte>(value));
    return data;
}

Data operator+(Data left, const Data& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

// units of H.264
const Data kDelimiter = bytes({0, 0, 0, 1, 0x09, 0xf0});
const Data kSps = bytes({0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac});
const Data kPps = bytes({0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80});
const Data kOtherPps = bytes({0, 0, 0, 1, 0x68, 0xee, 0x3c, 0xb0});
const Data kSei = bytes({0, 0, 1, 0x06, 0x05, 0x01, 0x00, 0x80});
const Data kKey = bytes({0, 0, 1, 0x65, 0x88, 0x84, 0x21});
const Data kOther = bytes({0, 0, 1, 0x41, 0x9a, 0x02});

/// What came into a file with room for `capacity` bytes.
struct Disk {
    Data data;
    std::uint64_t capacity = 1 << 20;
    bool reserves = true;
    bool closed = false;
};

class FileOnDisk final : public OutputFile {
  public:
    explicit FileOnDisk(Disk& disk) : disk_(disk) {}

    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] std::error_code reserve(std::uint64_t endBytes) override {
        return disk_.reserves && endBytes > disk_.capacity ? full() : std::error_code();
    }
    [[nodiscard]] std::error_code writeAt(std::uint64_t offsetBytes, std::span<const std::byte> data) override {
        CHECK(offsetBytes == disk_.data.size());  // a raw stream is never corrected
        if (offsetBytes + data.size() > disk_.capacity)
            return full();
        disk_.data.insert(disk_.data.end(), data.begin(), data.end());
        return {};
    }
    [[nodiscard]] std::uint64_t sizeBytes() const override { return disk_.data.size(); }
    [[nodiscard]] std::error_code close() override {
        disk_.closed = true;
        return {};
    }

  private:
    static std::error_code full() { return {ENOSPC, std::generic_category()}; }

    std::string path_ = "video.h264";
    Disk& disk_;
};

RawWriter writerOn(Disk& disk, Codec codec = Codec::H264, const Data& sets = kSps + kPps) {
    FileConfig config;
    config.codec = codec;
    config.parameterSets = sets;
    return {config, std::make_unique<FileOnDisk>(disk)};
}

/// Lives as long as `data`.
Packet packetOf(const Data& data, bool keyFrame) {
    Packet packet;
    packet.data = data;
    packet.keyFrame = keyFrame;
    return packet;
}

Data contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> read{std::istreambuf_iterator<char>(file), {}};
    const auto all = std::as_bytes(std::span(read));
    return {all.begin(), all.end()};
}

std::size_t count(const Data& data, const Data& part) {
    std::size_t found = 0;
    for (auto at = data.begin(); (at = std::search(at, data.end(), part.begin(), part.end())) != data.end(); ++at)
        ++found;
    return found;
}

void writeClip(FileWriter& writer, const Clip& clip) {
    writeAll(writer, clip);
    REQUIRE(writer.finish(clip.packets.back().presentation, CopiedTail::Keep).ok());
}

TEST_SUITE("unit") {
    TEST_CASE("every key frame stands behind its parameter sets and no other picture does") {
        Disk disk;
        RawWriter writer = writerOn(disk, Codec::H264, kSei + kSps + kPps);  // an encoder may say more than the sets
        for (const bool key : {true, false, false, true, false})
            REQUIRE(writer.write(packetOf(key ? kKey : kOther, key)).ok());
        CHECK(disk.data == kSps + kPps + kKey + kOther + kOther + kSps + kPps + kKey + kOther);
        CHECK(writer.videoPackets() == 5);
        CHECK(writer.bytesWritten() == disk.data.size());
        CHECK(writer.videoBytes() == disk.data.size());
        REQUIRE(writer.finish(CaptureTime{}).ok());
        CHECK(disk.closed);
    }

    TEST_CASE("a key frame that brings its parameter sets is written as it is") {
        Disk disk;
        RawWriter writer = writerOn(disk);
        const Data whole = kDelimiter + kSps + kPps + kKey;
        REQUIRE(writer.write(packetOf(whole, true)).ok());
        REQUIRE(writer.write(packetOf(kPps + kKey, true)).ok());  // lacks one
        CHECK(disk.data == whole + kSps + kPps + kPps + kKey);
    }

    TEST_CASE("parameter sets go behind an access unit delimiter") {
        Disk disk;
        RawWriter writer = writerOn(disk);
        REQUIRE(writer.write(packetOf(kDelimiter + kKey, true)).ok());
        CHECK(disk.data == kDelimiter + kSps + kPps + kKey);
    }

    TEST_CASE("a stream begins with parameter sets whatever comes first") {
        Disk disk;
        RawWriter writer = writerOn(disk);
        REQUIRE(writer.write(packetOf(kOther, false)).ok());
        CHECK(disk.data == kSps + kPps + kOther);
    }

    TEST_CASE("a stream goes on in the same file with other parameter sets") {
        Disk disk;
        RawWriter writer = writerOn(disk);
        REQUIRE(writer.write(packetOf(kKey, true)).ok());
        CHECK(writer.goOnWith(kSps + kOtherPps));
        REQUIRE(writer.write(packetOf(kKey, true)).ok());
        CHECK(disk.data == kSps + kPps + kKey + kSps + kOtherPps + kKey);
    }

    TEST_CASE("packets of FWHT are written as they are") {
        Disk disk;
        RawWriter writer = writerOn(disk, Codec::Fwht, {});
        const Data packet = kSps + kPps;  // whatever the bytes look like
        REQUIRE(writer.write(packetOf(packet, true)).ok());
        REQUIRE(writer.write(packetOf(kOther, false)).ok());
        CHECK(disk.data == packet + kOther);
        CHECK(writer.goOnWith({}));
    }

    TEST_CASE("other codecs need parameter sets") {
        Disk disk;
        CHECK_THROWS_WITH((void)writerOn(disk, Codec::H264, {}), doctest::Contains("gave no parameter sets"));
        CHECK_THROWS_WITH((void)writerOn(disk, Codec::H264, kSei), doctest::Contains("gave no parameter sets"));
    }

    TEST_CASE("a disk that is full at any byte holds whole packets") {
        const Data stream = kSps + kPps + kKey + kOther + kOther + kSps + kPps + kKey;
        const std::size_t ends[] = {0, 24, 30, 36, 60};
        REQUIRE(stream.size() == 60);
        for (const bool reserves : {true, false}) {
            for (std::uint64_t capacity = 18; capacity <= 60; ++capacity) {
                CAPTURE(capacity);
                Disk disk{.data = {}, .capacity = capacity, .reserves = reserves};
                RawWriter writer = writerOn(disk);
                Status status;
                for (const bool key : {true, false, false, true})
                    status = status.ok() ? writer.write(packetOf(key ? kKey : kOther, key)) : status;
                const auto next = std::upper_bound(std::begin(ends), std::end(ends), capacity);
                const auto packets = static_cast<std::size_t>(next - std::begin(ends)) - 1;
                CHECK(disk.data == Data(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(ends[packets])));
                CHECK(writer.videoPackets() == packets);
                CHECK(writer.bytesWritten() == ends[packets]);
                CHECK(status.ok() == (packets == 4));
                if (packets == 4)
                    continue;
                CHECK(status.message().find("video.h264': No space left on device") != std::string::npos);
                CHECK_FALSE(writer.write(packetOf({}, false)).ok());  // nothing more is taken
                CHECK(writer.finish(CaptureTime{}).message() == status.message());
                CHECK(disk.closed);
            }
        }
    }

    TEST_CASE("a disk without room for one picture is refused at the start") {
        Disk disk{.data = {}, .capacity = 17};
        CHECK_THROWS_WITH((void)writerOn(disk), doctest::Contains("No space left on device"));
    }

    TEST_CASE("what nobody finished is closed") {
        Disk disk;
        { const RawWriter writer = writerOn(disk); }
        CHECK(disk.closed);
    }

    TEST_CASE("the extension says what a raw stream holds") {
        for (const char* path : {"a.h264", "/x.hevc/a.264", "A.H264"})
            CHECK(rawStreamCodec(path) == Codec::H264);
        for (const char* path : {"a.hevc", "a.h265", "a.265", "b/a.mp4.HEVC"})
            CHECK(rawStreamCodec(path) == Codec::Hevc);
        CHECK(rawStreamCodec("a.fwht") == Codec::Fwht);
        for (const char* path : {"a.mp4", "h264", ".h264", "a", "a.h264/b", "a.h2640", "a.mov", ""})
            CHECK_FALSE(rawStreamCodec(path).has_value());
    }

    TEST_CASE("what a raw stream cannot hold is said") {
        FileConfig config;
        config.path = "video.hevc";
        config.codec = Codec::Fwht;
        config.rotation = 90;
        config.dropsFrames = true;
        Disk disk;
        const RawWriter fwht(config, std::make_unique<FileOnDisk>(disk));
        REQUIRE(fwht.leftOut().size() == 2);
        CHECK(fwht.leftOut()[0].find("dropped frames make it play faster") != std::string::npos);
        CHECK(fwht.leftOut()[0].find(".mp4") == std::string::npos);  // cannot hold it
        CHECK(fwht.leftOut()[1].find("90 degrees") != std::string::npos);
        CHECK(writerOn(disk).leftOut().empty());
    }
}

TEST_SUITE("integration") {
    TEST_CASE("a raw stream decodes whole and from every key frame on") {
        const TemporaryFolder folder;
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            const Clip clip = encode({.codec = codec, .keyFrameEvery = 12, .times = evenTimes(40, 40ms)});
            FileConfig config = configFor(clip, folder / ("video." + std::string(name(codec))));
            writeClip(*createFile(config), clip);
            CHECK(readBack(config.path).streams.at(0).shown.size() == 40);

            const Data whole = contents(config.path);
            // the first parameter set, which no picture holds
            const Data begin = codec == Codec::H264 ? bytes({0, 0, 0, 1, 0x67}) : bytes({0, 0, 0, 1, 0x40, 0x01});
            REQUIRE(count(whole, begin) == 4);
            auto at = whole.begin();
            for (const std::size_t shown : {40U, 28U, 16U, 4U}) {
                at = std::search(at, whole.end(), begin.begin(), begin.end());
                const std::string cut = folder / ("cut" + std::to_string(shown) + "." + name(codec));
                std::ofstream(cut, std::ios::binary).write(reinterpret_cast<const char*>(&*at), whole.end() - at);
                CHECK(readBack(cut).streams.at(0).shown.size() == shown);
                ++at;
            }
        }
    }

    TEST_CASE("a raw stream of two encoders decodes whole") {
        const TemporaryFolder folder;
        const std::vector<CaptureTime> times = evenTimes(20, 40ms);
        const Clip first = encode({.times = times});
        const Clip second = encode({.bFrames = 2, .times = times});
        REQUIRE(first.parameterSets != second.parameterSets);
        FileConfig config = configFor(first, folder / "video.h264");
        const auto writer = createFile(config);
        writeAll(*writer, first);
        REQUIRE(writer->goOnWith(second.parameterSets));
        writeClip(*writer, second);
        CHECK(readBack(config.path).streams.at(0).shown.size() == 40);
    }

    TEST_CASE("a raw stream holds no sound and says so") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(10, 40ms)});
        const Sound sound = encodeSound(400ms);
        FileConfig config = configFor(clip, folder / "video.h264");
        config.copiedTracks = sound.tracks;
        const auto writer = createFile(config);
        REQUIRE(writer->leftOut().size() == 1);
        CHECK(writer->leftOut()[0].find("a track of type aac is left out") != std::string::npos);
        for (std::size_t i = 0; i < sound.packets.size(); ++i)
            REQUIRE(writer->write(sound.packet(i, kStart)).ok());
        CHECK(writer->bytesWritten() == 0);
        writeAll(*writer, clip);
        std::vector<Packet> following;
        REQUIRE(writer->finishBefore(kStart + 400ms, following).ok());
        CHECK(following.empty());
        CHECK(readBack(config.path).streams.size() == 1);
        CHECK(writer->bytesWritten() == std::filesystem::file_size(config.path));
    }

    TEST_CASE("a codec that the file cannot hold is refused and nothing is left") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(1, 40ms)});
        const auto refused = [&](Codec codec, const std::string& file, const char* why) {
            FileConfig config = configFor(clip, folder / file);
            config.codec = codec;
            CHECK_THROWS_WITH((void)createFile(config), doctest::Contains(why));
            CHECK_FALSE(std::filesystem::exists(config.path));
        };
        refused(Codec::Hevc, "a.h264", "by its name it is a raw stream of h264");
        refused(Codec::H264, "a.fwht", "by its name it is a raw stream of fwht");
        refused(Codec::Fwht, "a.mp4", "MP4 does not hold fwht");
        CHECK_FALSE(createFile(configFor(clip, folder / "a.mp4"))->goOnWith(clip.parameterSets));
    }

    TEST_CASE("a raw stream that cannot be begun leaves no file and an existing one is kept") {
        const TemporaryFolder folder;
        FileConfig config;
        config.path = folder / "video.h264";
        CHECK_THROWS_WITH((void)createFile(config), doctest::Contains("gave no parameter sets"));
        CHECK_FALSE(std::filesystem::exists(config.path));
        std::ofstream(config.path) << "precious";
        CHECK_THROWS_WITH((void)createFile(config), doctest::Contains("give --overwrite"));
        CHECK(std::filesystem::file_size(config.path) == 8);
    }
}

}  // namespace
}  // namespace smartcodec::test
