#include "mux/mp4_writer.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/mux/mux_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr double kMillisecond = 0.001;

/// The end of the recording as each of a file's readers finds it. With B-frames (`reordered`) libavformat before 6.0
/// takes a packet's duration not from the file but from the average frame rate; VideoTimeline's own tests look at it
/// there.
void checkEnd(const ReadBack& file, double seconds, bool reordered = false) {
    const ReadBack::Stream& video = file.streams.at(0);
    CHECK(std::abs(file.start) < kMillisecond);
    CHECK(std::abs(video.start) < kMillisecond);
    CHECK(std::abs(file.duration - seconds) < kMillisecond);
    CHECK(std::abs(video.duration - seconds) < kMillisecond);
    if (reordered && !kReadsReorderedDurations)
        return;
    CHECK(std::abs(video.packetsEnd() - seconds) < kMillisecond);
    const auto last = std::max_element(video.packets.begin(), video.packets.end(),
                                       [](const auto& a, const auto& b) { return a.pts < b.pts; });
    CHECK(std::abs(last->pts + last->duration - seconds) < kMillisecond);
}

void checkShown(const ReadBack& file, const std::vector<CaptureTime>& times) {
    const std::vector<double>& shown = file.streams.at(0).shown;
    REQUIRE(shown.size() == times.size());
    for (std::size_t i = 0; i < times.size(); ++i)
        CHECK(std::abs(shown[i] - std::chrono::duration<double>(times[i] - times[0]).count()) < 1.0 / 90'000);
}

ReadBack record(const ClipRecipe& recipe, CaptureTime end) {
    const TemporaryFolder folder;
    const std::string path = folder / "video.mp4";
    const Clip clip = encode(recipe);
    Mp4Writer writer(configFor(clip, path));
    writeAll(writer, clip);
    const Status status = writer.finish(end);
    REQUIRE_MESSAGE(status.ok(), status.message());
    CHECK(writer.bytesWritten() == std::filesystem::file_size(path));
    return readBack(path);
}

/// Gaps from one frame to ten seconds, as a smart frame rate leaves them.
std::vector<CaptureTime> unevenTimes() {
    std::vector<CaptureTime> times{kStart};
    for (const auto gap :
         {40ms, 40ms, 1000ms, 1000ms, 40ms, 33ms, 47ms, 10000ms, 40ms, 40ms, 10000ms, 960ms, 40ms, 40ms})
        times.push_back(times.back() + gap);
    return times;
}

const Codec kCodecs[] = {Codec::H264, Codec::Hevc};

TEST_SUITE("integration") {
    TEST_CASE("an even frame rate begins at zero and ends where it should") {
        for (const Codec codec : kCodecs)
            for (const int bFrames : {0, 1, 2, 3}) {
                CAPTURE(name(codec));
                CAPTURE(bFrames);
                const std::vector<CaptureTime> times = evenTimes(31, 40ms);
                const ReadBack file = record({.codec = codec, .bFrames = bFrames, .keyFrameEvery = 12, .times = times},
                                             times.back() + 40ms);
                checkEnd(file, 31 * 0.040);
                checkShown(file, times);
            }
    }

    TEST_CASE("a rate that milliseconds cannot express ends where it should") {
        const std::chrono::nanoseconds interval{33'366'667};
        const std::vector<CaptureTime> times = evenTimes(100, interval);
        for (const int bFrames : {0, 2}) {
            const ReadBack file = record({.bFrames = bFrames, .times = times}, times.back() + interval);
            checkEnd(file, 100 * 0.033366667, bFrames > 0);
            checkShown(file, times);
        }
    }

    TEST_CASE("a variable frame rate keeps every capture time") {
        for (const Codec codec : kCodecs)
            for (const int bFrames : {0, 2, 3})
                for (const auto lastStands : {40ms, 1000ms, 10000ms, 3ms}) {
                    CAPTURE(name(codec));
                    CAPTURE(bFrames);
                    CAPTURE(lastStands.count());
                    const std::vector<CaptureTime> times = unevenTimes();
                    const ReadBack file =
                        record({.codec = codec, .bFrames = bFrames, .times = times}, times.back() + lastStands);
                    checkShown(file, times);
                    checkEnd(file, std::chrono::duration<double>(times.back() + lastStands - times[0]).count(),
                             bFrames > 0);
                }
    }

    TEST_CASE("without B-frames every packet lasts until the next") {
        const std::vector<CaptureTime> times = unevenTimes();
        const ReadBack file = record({.times = times}, times.back() + 500ms);
        const auto& packets = file.streams.at(0).packets;
        REQUIRE(packets.size() == times.size());
        for (std::size_t i = 0; i + 1 < packets.size(); ++i)
            CHECK(packets[i].pts + packets[i].duration == doctest::Approx(packets[i + 1].pts));
    }

    TEST_CASE("a single picture stands until the end") {
        for (const Codec codec : kCodecs)
            for (const int bFrames : {0, 2}) {
                const ReadBack file = record({.codec = codec, .bFrames = bFrames, .times = {kStart}}, kStart + 700ms);
                checkEnd(file, 0.7);
                CHECK(file.streams.at(0).shown.size() == 1);
            }
    }

    TEST_CASE("the tracks are described as players want it") {
        const TemporaryFolder folder;
        for (const Codec codec : kCodecs) {
            const std::string path = folder / name(codec);
            const Clip clip = encode({.codec = codec, .times = evenTimes(5, 40ms)});
            FileConfig config = configFor(clip, path);
            config.color = {.primaries = 9, .transfer = 16, .matrix = 9, .fullRange = true};
            config.sampleAspect = {4, 3};
            config.rotation = 90;
            Mp4Writer writer(config);
            writeAll(writer, clip);
            REQUIRE(writer.finish(kStart + 200ms).ok());

            const ReadBack file = readBack(path);
            const ReadBack::Stream& video = file.streams.at(0);
            CHECK(video.tag == (codec == Codec::H264 ? "avc1" : "hvc1"));
            CHECK(video.extradataVersion == 1);
            CHECK(Size{video.width, video.height} == Size{64, 48});
            CHECK(video.color.primaries == 9);
            CHECK(video.color.transfer == 16);
            CHECK(video.color.matrix == 9);
            CHECK(video.color.fullRange);
            CHECK(video.sampleAspect == Ratio{4, 3});
            CHECK(video.rotation == 90);
            CHECK(video.packets.at(0).keyFrame);
            CHECK_FALSE(video.packets.at(1).keyFrame);
        }
    }

    TEST_CASE("a full range of unknown colours is written") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(2, 40ms)});
        FileConfig config = configFor(clip, path);
        config.color.fullRange = true;
        Mp4Writer writer(config);
        writeAll(writer, clip);
        REQUIRE(writer.finish(kStart + 80ms).ok());
        CHECK(readBack(path).streams.at(0).color.fullRange);
    }

    TEST_CASE("sound keeps its offset and its priming") {
        const TemporaryFolder folder;
        const Clip clip = encode({.bFrames = 2, .times = evenTimes(50, 40ms)});
        const Sound sound = encodeSound(2s);
        REQUIRE(sound.packets.at(0).time < 0ns);  // the encoder's priming
        // Sound that begins with the picture, after it, and long before it.
        for (const auto offset : {0ms, 300ms, -400ms}) {
            CAPTURE(offset.count());
            const std::string path = folder / std::to_string(offset.count());
            FileConfig config = configFor(clip, path);
            config.copiedTracks = sound.tracks;
            Mp4Writer writer(config);
            for (std::size_t i = 0; i < sound.packets.size(); ++i)
                REQUIRE(writer.write(sound.packet(i, kStart + offset)).ok());
            writeAll(writer, clip);
            REQUIRE(writer.finish(kStart + 2s).ok());

            const ReadBack file = readBack(path);
            REQUIRE(file.streams.size() == 2);
            CHECK(file.start == doctest::Approx(0));
            CHECK(file.streams[0].start == doctest::Approx(0));
            CHECK(std::abs(file.streams[0].duration - 2) < kMillisecond);
            const ReadBack::Stream& track = file.streams[1];
            CHECK(track.tag == "mp4a");
            CHECK(track.language == "deu");
            CHECK(std::abs(track.packets.at(0).duration - 1024.0 / 48000) < 1e-6);
            // Of what lies before the picture one packet remains, and players skip it.
            const double step = 1024.0 / 48000;
            const double begin = std::chrono::duration<double>(offset).count() - step;
            CHECK(std::abs(track.start - std::max(0.0, begin)) < 1.0 / 48000);
            CHECK(track.packets.at(0).pts > -2 * step);
            // Where the packets lie is where they were captured.
            const double packets = (track.packets.at(0).pts - begin) / step;
            CHECK(std::abs(packets - std::round(packets)) < 0.01);
            const auto dropped = static_cast<std::size_t>(std::round(packets));
            CHECK(track.packets.size() + dropped == sound.packets.size());
        }
    }

    TEST_CASE("sound beyond the end stays or is cut as asked") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(25, 40ms)});
        const Sound sound = encodeSound(2s);
        for (const CopiedTail tail : {CopiedTail::Keep, CopiedTail::Cut}) {
            const std::string path = folder / (tail == CopiedTail::Cut ? "cut" : "kept");
            FileConfig config = configFor(clip, path);
            config.copiedTracks = sound.tracks;
            Mp4Writer writer(config);
            writeAll(writer, clip);
            for (std::size_t i = 0; i < sound.packets.size(); ++i)
                REQUIRE(writer.write(sound.packet(i, kStart)).ok());
            REQUIRE(writer.finish(kStart + 1s, tail).ok());
            const ReadBack file = readBack(path);
            CHECK(std::abs(file.streams.at(0).duration - 1) < kMillisecond);
            if (tail == CopiedTail::Cut)
                checkEnd(file, 1);
            else
                CHECK(file.streams.at(1).packets.size() == sound.packets.size());
        }
    }

    TEST_CASE("sound and picture are interleaved") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(50, 40ms)});
        const Sound sound = encodeSound(2s);
        FileConfig config = configFor(clip, path);
        config.copiedTracks = sound.tracks;
        Mp4Writer writer(config);
        // The sound arrives long before the picture, as it does when the encoder looks ahead.
        for (std::size_t i = 0; i < sound.packets.size(); ++i)
            REQUIRE(writer.write(sound.packet(i, kStart)).ok());
        const std::uint64_t before = writer.bytesWritten();
        writeAll(writer, clip);
        REQUIRE(writer.finish(kStart + 2s).ok());
        CHECK(before < 1000);
        CHECK(readBack(path).streams.at(1).packets.size() == sound.packets.size());
    }

    TEST_CASE("a sound track that MP4 cannot hold is left out and named") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(5, 40ms)});
        const Sound sound = encodeSound(200ms, "adpcm_ima_wav");
        FileConfig config = configFor(clip, path);
        config.copiedTracks = sound.tracks;
        Mp4Writer writer(config);
        REQUIRE(writer.leftOut().size() == 1);
        CHECK(writer.leftOut()[0].find("adpcm_ima_wav") != std::string::npos);
        writeAll(writer, clip);
        REQUIRE(writer.write(sound.packet(0, kStart)).ok());
        REQUIRE(writer.finish(kStart + 200ms).ok());
        CHECK(readBack(path).streams.size() == 1);
    }

    TEST_CASE("a writer that is abandoned leaves a file that plays") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const std::vector<CaptureTime> times = evenTimes(10, 40ms);
        const Clip clip = encode({.times = times});
        {
            Mp4Writer writer(configFor(clip, path));
            writeAll(writer, clip);
        }
        const ReadBack file = readBack(path);
        checkEnd(file, 0.4);
        checkShown(file, times);
    }

    TEST_CASE("a disk that fills up leaves a file that plays to where it was full") {
        const TemporaryFolder folder;
        const Clip clip = encode({.bFrames = 2, .keyFrameEvery = 10, .noisy = true, .times = evenTimes(100, 40ms)});
        constexpr std::uint64_t kCapacity = 180'000;
        const std::string path = folder / "video.mp4";
        Mp4Writer writer(configFor(clip, path), std::make_unique<SmallDisk>(path, kCapacity));
        Status status;
        for (std::size_t i = 0; i < clip.packets.size() && status.ok(); ++i)
            status = writer.write(clip.packet(i));
        REQUIRE_FALSE(status.ok());
        CHECK(status.message().find(path) != std::string::npos);
        CHECK(status.message().find("No space left on device") != std::string::npos);
        // Nothing more is taken, whatever is tried.
        CHECK_FALSE(writer.write(clip.packet(0)).ok());
        CHECK(writer.finish(clip.packets.back().presentation).message() == status.message());

        CHECK(std::filesystem::file_size(path) <= kCapacity);
        CHECK(std::filesystem::file_size(path) > kCapacity / 2);
        const ReadBack file = readBack(path);
        CHECK(file.streams.at(0).shown.size() > 20);
        CHECK(file.streams.at(0).shown.size() == file.streams.at(0).packets.size());
        CHECK(writer.videoPackets() == file.streams.at(0).packets.size());
    }

    TEST_CASE("the packets in the file are counted and those held back are not") {
        const TemporaryFolder folder;
        const Clip clip = encode({.bFrames = 2, .times = evenTimes(40, 40ms)});
        Mp4Writer writer(configFor(clip, folder / "video.mp4"));
        CHECK(writer.videoPackets() == 0);
        writeAll(writer, clip);
        CHECK(writer.videoPackets() < 40);
        REQUIRE(writer.finish(kStart + 1600ms).ok());
        CHECK(writer.videoPackets() == 40);
        std::size_t bytes = 0;
        for (const Clip::Coded& packet : clip.packets)
            bytes += packet.bytes.size();
        CHECK(writer.videoBytes() == bytes);
    }

    TEST_CASE("the process's file size limit leaves a file that plays") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.keyFrameEvery = 10, .noisy = true, .times = evenTimes(100, 40ms)});
        rlimit before{};
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
        const auto signalBefore = signal(SIGXFSZ, SIG_IGN);
        const rlimit small{.rlim_cur = 180'000, .rlim_max = before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        Status status;
        Status finished;
        {
            Mp4Writer writer(configFor(clip, path));
            for (std::size_t i = 0; i < clip.packets.size() && status.ok(); ++i)
                status = writer.write(clip.packet(i));
            finished = writer.finish(clip.packets.back().presentation);
        }
        setrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, signalBefore);

        CHECK_FALSE(status.ok());
        CHECK_FALSE(finished.ok());
        CHECK(status.message().find("File too large") != std::string::npos);
        CHECK(std::filesystem::file_size(path) <= 180'000);
        CHECK(readBack(path).streams.at(0).shown.size() > 20);
    }

    TEST_CASE("a write error that no reserve could foresee is reported with the system's words") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.noisy = true, .times = evenTimes(200, 40ms)});
        Mp4Writer writer(configFor(clip, path), std::make_unique<SmallDisk>(path, 100'000, false));
        Status status;
        for (std::size_t i = 0; i < clip.packets.size() && status.ok(); ++i)
            status = writer.write(clip.packet(i));
        REQUIRE_FALSE(status.ok());
        CHECK(status.message().find("No space left on device") != std::string::npos);
        CHECK_FALSE(writer.finish(clip.packets.back().presentation).ok());
    }

    TEST_CASE("a disk that is full from the start is refused and nothing is left") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(2, 40ms)});
        rlimit before{};
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
        const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        std::string message;
        try {
            Mp4Writer writer(configFor(clip, path));
        } catch (const std::exception& error) {
            message = error.what();
        }
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK(message.find("File too large") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(path));
    }

    TEST_CASE("an existing file is kept unless overwriting is asked for") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        std::ofstream(path) << "precious";
        const Clip clip = encode({.times = evenTimes(2, 40ms)});
        FileConfig config = configFor(clip, path);
        CHECK_THROWS_WITH(Mp4Writer{config}, ("'" + path + "' exists; give --overwrite to replace it").c_str());
        CHECK(std::filesystem::file_size(path) == 8);

        config.overwrite = true;
        Mp4Writer writer(config);
        writeAll(writer, clip);
        REQUIRE(writer.finish(kStart + 80ms).ok());
        CHECK(readBack(path).streams.at(0).shown.size() == 2);
    }

    TEST_CASE("a video without parameter sets is refused and nothing is left") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(2, 40ms)});
        FileConfig config = configFor(clip, path);
        config.parameterSets = {};
        CHECK_THROWS(Mp4Writer{config});
        CHECK_FALSE(std::filesystem::exists(path));
    }

    TEST_CASE("a file without a picture is finished without a fuss") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(2, 40ms)});
        Mp4Writer writer(configFor(clip, folder / "video.mp4"));
        CHECK(writer.finish(CaptureTime{}).ok());
    }
}

}  // namespace
}  // namespace smartcodec::test
