#include "mux/mp4_repair.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "mux/mp4_writer.h"
#include "tests/mux/mux_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr double kMillisecond = 0.001;
constexpr double kTick = 1.0 / 90'000;
const Codec kCodecs[] = {Codec::H264, Codec::Hevc};

using Bytes = std::vector<char>;

Bytes bytesOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const Bytes& bytes, std::size_t count) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(count));
}

std::uint64_t sizeAt(const Bytes& bytes, std::uint64_t at) {
    std::uint64_t size = 0;
    for (std::uint64_t i = at; i < at + 4; ++i)
        size = size << 8 | static_cast<unsigned char>(bytes.at(i));
    return size;
}

/// Of a file in fragments.
struct Layout {
    std::vector<std::uint64_t> boxes;      ///< where each box of the file ends
    std::vector<std::uint64_t> fragments;  ///< where each fragment ends
};
Layout layoutOf(const Bytes& bytes) {
    Layout layout;
    for (std::uint64_t at = 0; at < bytes.size(); at = layout.boxes.back()) {
        layout.boxes.push_back(at + sizeAt(bytes, at));
        if (std::string(&bytes[at + 4], 4) == "mdat")
            layout.fragments.push_back(layout.boxes.back());
    }
    return layout;
}

std::size_t filesIn(const TemporaryFolder& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

RepairedFile repair(const std::string& path) {
    RepairedFile result;
    const Status status = repairMp4({.input = path, .output = path}, result);
    REQUIRE_MESSAGE(status.ok(), status.message());
    return result;
}

/// How much of a file is to be as in another one.
enum class Same {
    Beginning,  ///< as far as it goes
    Packets,    ///< of fragments, whose sound libavformat takes to last as long as its priming longer
    Video,      ///< and the end of the picture
    All,
};

void checkSame(const ReadBack& file, const ReadBack& as, Same same) {
    if (same == Same::Beginning)  // a track may not have begun
        REQUIRE(file.streams.size() <= as.streams.size());
    else
        REQUIRE(file.streams.size() == as.streams.size());
    CHECK(std::abs(file.start) < kMillisecond);
    if (same == Same::All)
        CHECK(std::abs(file.duration - as.duration) < kMillisecond);
    for (std::size_t track = 0; track < file.streams.size(); ++track) {
        const ReadBack::Stream& one = file.streams[track];
        const ReadBack::Stream& other = as.streams[track];
        CHECK(one.tag == other.tag);
        CHECK(one.language == other.language);
        CHECK(one.rotation == other.rotation);
        REQUIRE(one.packets.size() <= other.packets.size());
        REQUIRE(one.shown.size() <= other.shown.size());
        for (std::size_t i = 0; i < one.packets.size(); ++i) {
            CHECK(std::abs(one.packets[i].pts - other.packets[i].pts) < kTick);
            CHECK(one.packets[i].bytes == other.packets[i].bytes);
            CHECK(one.packets[i].keyFrame == other.packets[i].keyFrame);
        }
        if (same != Same::Beginning)
            CHECK(one.packets.size() == other.packets.size());
        if (same == Same::All || (same == Same::Video && track == 0))
            CHECK(std::abs(one.duration - other.duration) < kMillisecond);
    }
}

/// A recording with sound, as it was when it was killed and when it was finished.
struct Recording {
    Bytes killed;
    Bytes finished;
};
Recording record(const TemporaryFolder& folder, Codec codec, int bFrames) {
    const std::string path = folder / "recording.mp4";
    std::vector<CaptureTime> times{kStart};
    for (int i = 0; i < 80; ++i)
        times.push_back(times.back() + (i % 9 == 0 ? 300ms : 33ms));
    const Clip clip = encode({.codec = codec, .bFrames = bFrames, .keyFrameEvery = 30, .times = times});
    const Sound sound = encodeSound(3s);
    FileConfig config = configFor(clip, path);
    config.copiedTracks = sound.tracks;
    config.rotation = 90;
    Mp4Writer writer(config);
    for (std::size_t i = 0; i < sound.packets.size(); ++i)
        REQUIRE(writer.write(sound.packet(i, kStart)).ok());
    writeAll(writer, clip);
    REQUIRE(writer.flush().ok());
    Recording recording{.killed = bytesOf(path), .finished = {}};
    REQUIRE(writer.finish(times.back() + 40ms).ok());
    recording.finished = bytesOf(path);
    std::filesystem::remove(path);
    return recording;
}

std::string refusal(const RepairConfig& config) {
    try {
        RepairedFile result;
        (void)repairMp4(config, result);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

TEST_SUITE("integration") {
    TEST_CASE("a recording that was killed or finished is repaired without a change of its times") {
        for (const Codec codec : kCodecs)
            for (const int bFrames : {0, 2}) {
                CAPTURE(name(codec));
                CAPTURE(bFrames);
                const TemporaryFolder folder;
                const Recording recording = record(folder, codec, bFrames);
                const std::string path = folder / "video.mp4";
                for (const Bytes* bytes : {&recording.killed, &recording.finished}) {
                    CAPTURE((bytes == &recording.finished));
                    write(path, *bytes, bytes->size());
                    // Of reordered pictures those that came last are not all there: the end is where it happens to be.
                    const Same same = bytes == &recording.finished ? Same::All
                                      : bFrames == 0               ? Same::Video
                                                                   : Same::Packets;
                    const ReadBack before = readBack(path);
                    const RepairedFile result = repair(path);
                    CHECK(filesIn(folder) == 1);
                    CHECK_FALSE(result.cutShort);
                    const ReadBack after = readBack(path);
                    checkSame(after, before, same);
                    CHECK(result.pictures == after.streams.at(0).shown.size());
                    // The index comes first.
                    const Bytes repaired = bytesOf(path);
                    CHECK(std::string(&repaired[sizeAt(repaired, 0) + 4], 4) == "moov");
                    // What is whole stays so.
                    (void)repair(path);
                    checkSame(readBack(path), after, Same::All);
                }
            }
    }

    TEST_CASE("a recording that is cut off anywhere is repaired up to its last whole fragment at least") {
        for (const Codec codec : kCodecs) {
            CAPTURE(name(codec));
            const TemporaryFolder folder;
            const Recording recording = record(folder, codec, codec == Codec::H264 ? 2 : 0);
            const std::string path = folder / "video.mp4";
            write(path, recording.killed, recording.killed.size());
            const ReadBack whole = readBack(path);
            const Layout layout = layoutOf(recording.killed);
            REQUIRE(layout.fragments.size() > 3);

            std::vector<std::size_t> pictures;  // up to the end of each fragment
            for (const std::uint64_t end : layout.fragments) {
                write(path, recording.killed, end);
                pictures.push_back(readBack(path).streams.at(0).packets.size());
            }

            std::vector<std::uint64_t> cuts;
            for (const std::uint64_t end : layout.boxes)
                for (const std::uint64_t cut : {end - 1, end, end + 1, end + 7, end + 8, end + 20})
                    cuts.push_back(std::min<std::uint64_t>(cut, recording.killed.size()));
            for (std::uint64_t cut = 0; cut < recording.killed.size(); cut += 701)
                cuts.push_back(cut);
            for (const std::uint64_t cut : cuts) {
                CAPTURE(cut);
                write(path, recording.killed, cut);
                const std::uint64_t wholeFragments = static_cast<std::uint64_t>(
                    std::ranges::count_if(layout.fragments, [cut](auto end) { return end <= cut; }));
                std::string refused;
                try {
                    (void)repair(path);
                } catch (const std::runtime_error& error) {
                    refused = error.what();
                }
                CHECK(filesIn(folder) == 1);
                if (!refused.empty()) {
                    CHECK(wholeFragments == 0);
                    CHECK(refused.find("'" + path + "'") != std::string::npos);
                    CHECK(std::filesystem::file_size(path) == cut);
                    continue;
                }
                const ReadBack file = readBack(path);  // decodes it, and throws for any error
                checkSame(file, whole, Same::Beginning);
                if (wholeFragments > 0)
                    CHECK(file.streams[0].packets.size() >= pictures.at(wholeFragments - 1));
            }
        }
    }

    TEST_CASE("a finished recording that lost its index is repaired from its fragments") {
        const TemporaryFolder folder;
        const Recording recording = record(folder, Codec::H264, 0);
        const std::string path = folder / "video.mp4";
        write(path, recording.killed, recording.killed.size());
        const ReadBack killed = readBack(path);
        write(path, recording.finished, recording.killed.size());
        (void)repair(path);
        checkSame(readBack(path), killed, Same::Video);
    }

    TEST_CASE("another output leaves the recording as it is") {
        const TemporaryFolder folder;
        const Recording recording = record(folder, Codec::H264, 0);
        const std::string path = folder / "video.mp4";
        const std::string output = folder / "repaired.mp4";
        write(path, recording.killed, recording.killed.size());
        RepairedFile result;
        REQUIRE(repairMp4({.input = path, .output = output}, result).ok());
        CHECK(bytesOf(path) == recording.killed);
        CHECK(readBack(output).streams.at(0).shown.size() == result.pictures);
        CHECK(refusal({.input = path, .output = output}) == "'" + output + "' exists; give --overwrite to replace it");
        CHECK(repairMp4({.input = path, .output = output, .overwrite = true}, result).ok());
    }

    TEST_CASE("what is no recording is refused in one line and left alone") {
        const TemporaryFolder folder;
        const std::string path = folder / "text.mp4";
        std::ofstream(path) << "no recording";
        for (const std::string& input : {path, folder / "missing.mp4", folder.path().string()}) {
            const std::string message = refusal({.input = input, .output = input});
            CHECK(message.find("cannot repair '" + input + "'") != std::string::npos);
            CHECK(message.find('\n') == std::string::npos);
        }
        CHECK(std::filesystem::file_size(path) == 12);
        CHECK(filesIn(folder) == 1);
    }

    TEST_CASE("a file that is being recorded is refused") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(40, 40ms)});
        Mp4Writer writer(configFor(clip, path));
        writeAll(writer, clip);
        REQUIRE(writer.flush().ok());
        CHECK(refusal({.input = path, .output = path}).find("being recorded") != std::string::npos);
        REQUIRE(writer.finish(kStart + 1600ms).ok());
        CHECK(repair(path).pictures == 40);
    }

    TEST_CASE("a disk without room or a stop leave the recording as it was") {
        const TemporaryFolder folder;
        const Recording recording = record(folder, Codec::H264, 0);
        const std::string path = folder / "video.mp4";
        write(path, recording.killed, recording.killed.size());

        rlimit before{};
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
        const auto signalBefore = signal(SIGXFSZ, SIG_IGN);
        const rlimit small{.rlim_cur = 10'000, .rlim_max = before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        RepairedFile result;
        const Status full = repairMp4({.input = path, .output = path}, result);
        setrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, signalBefore);
        CHECK(full.message().find("is not repaired") != std::string::npos);
        CHECK(filesIn(folder) == 1);
        CHECK(bytesOf(path) == recording.killed);

        int asked = 0;
        const Status stopped =
            repairMp4({.input = path, .output = path, .stopped = [&asked] { return ++asked == 30; }}, result);
        CHECK_FALSE(stopped.ok());
        CHECK(filesIn(folder) == 1);
        CHECK(bytesOf(path) == recording.killed);
    }
}

}  // namespace
}  // namespace smartcodec::test
