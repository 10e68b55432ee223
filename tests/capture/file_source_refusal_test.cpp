#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

#include "capture/file_source.h"
#include "capture/unique_fd.h"
#include "tests/capture/recording_sink.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// The one line that a user gets; fails the test if the file is opened, or if the line does not name it.
std::string refusal(const FileSourceConfig& config) {
    try {
        (void)openFile(config);
    } catch (const std::exception& error) {
        const std::string message = error.what();
        CAPTURE(message);
        CHECK(message.find('\n') == std::string::npos);
        return message;
    }
    FAIL("opened " << config.path);
    return {};
}

std::string refusal(const std::string& path) {
    const std::string message = refusal(FileSourceConfig{path, {}, {}});
    CHECK(message.find(path) != std::string::npos);
    return message;
}

bool says(const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
}

void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string proseOf(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes)
        text += "It was a quiet night, and nothing moved in the corridor but the second hand.\n";
    return text;
}

std::string made(const TemporaryFolder& folder, const std::string& name, VideoRecipe recipe) {
    recipe.path = folder / name;
    makeVideo(recipe);
    return recipe.path;
}

void cutBytes(const std::string& path, std::uintmax_t bytes) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - bytes);
}

void cut(const std::string& path, double share) {
    const auto size = static_cast<double>(std::filesystem::file_size(path));
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size * share));
}

/// Gives up the rights of the superuser, who may read everything, for as long as it lives.
class OrdinaryUser {
  public:
    OrdinaryUser() : before_(geteuid()) {
        if (before_ == 0)
            REQUIRE(seteuid(65534) == 0);
    }
    ~OrdinaryUser() {
        if (before_ == 0 && seteuid(0) != 0)
            std::terminate();
    }
    OrdinaryUser(const OrdinaryUser&) = delete;
    OrdinaryUser& operator=(const OrdinaryUser&) = delete;

  private:
    uid_t before_;
};

/// Two seconds of moving pictures that take some room.
VideoRecipe noisy() {
    VideoRecipe recipe;
    recipe.frames = 75;
    recipe.paint = [](int number, int x, int y) {
        std::minstd_rand random(static_cast<unsigned>(number * 10007 + y * 101 + x + 1));
        random.discard(2);
        return Pixel{60 + static_cast<int>(random() % 100), 128, 128};
    };
    return recipe;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a missing file is refused with the system's error") {
        const TemporaryFolder folder;
        CHECK(says(refusal(folder / "none.mp4"), "No such file or directory"));
        CHECK_THROWS_AS((void)openFile({folder / "none.mp4", {}, {}}), std::system_error);
    }

    TEST_CASE("a folder is refused") {
        const TemporaryFolder folder;
        CHECK(says(refusal(folder.path().string()), "folder"));
    }

    TEST_CASE("an empty file is refused") {
        const TemporaryFolder folder;
        write(folder / "empty.mp4", "");
        CHECK(says(refusal(folder / "empty.mp4"), "empty"));
    }

    TEST_CASE("a file that may not be read is refused with the system's error") {
        const TemporaryFolder folder;
        const std::string path = made(folder, "a.mp4", {});
        std::filesystem::permissions(folder.path(), std::filesystem::perms::others_exec,
                                     std::filesystem::perm_options::add);
        std::filesystem::permissions(path, std::filesystem::perms::none);
        const OrdinaryUser user;
        CHECK(says(refusal(path), "Permission denied"));
    }

    TEST_CASE("text is refused whatever its name") {
        const TemporaryFolder folder;
        for (const char* name : {"notes.txt", "notes.nfo", "notes", "notes.mp4", "notes.ans", "notes.srt", "notes.264",
                                 "notes.avi", "notes.bin", "notes.xbin", "notes.yuv", "notes.jpg"}) {
            for (const std::size_t bytes : {100U, 20'000U}) {
                CAPTURE(name);
                CAPTURE(bytes);
                write(folder / name, proseOf(bytes));
                CHECK(says(refusal(folder / name), "video"));
            }
        }
        write(folder / "a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n");
        CHECK(says(refusal(folder / "a.srt"), "no video track"));
        write(folder / "escape.txt", "\x1b[2J\x1b[1;31mHello\x1b[0m\n");
        CHECK(says(refusal(folder / "escape.txt"), "video"));
    }

    TEST_CASE("bytes without meaning are refused") {
        const TemporaryFolder folder;
        std::minstd_rand random(7);
        std::string bytes(200'000, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(random() >> 8);
        for (const char* name : {"noise.mp4", "noise.h264", "noise.ts", "noise"}) {
            CAPTURE(name);
            write(folder / name, bytes);
            CHECK(says(refusal(folder / name), "video"));
        }
    }

    TEST_CASE("audio alone is refused") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        recipe.video = false;
        recipe.audioCodec = "aac";
        CHECK(says(refusal(made(folder, "a.mp4", recipe)), "audio only"));
    }

    TEST_CASE("pictures too small and too large are refused with their size") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        recipe.codec = "ffv1";
        recipe.size = {1, 1};
        CHECK(says(refusal(made(folder, "dot.mkv", recipe)), "1x1"));
        recipe.size = {640, 15};
        CHECK(says(refusal(made(folder, "flat.mkv", recipe)), "640x15"));
        recipe.size = {16, 16};
        CHECK(readFile({made(folder, "least.mkv", recipe), {}, {}}).sink.frames.size() == 10);

        const auto header = [](const std::string& size) { return "YUV4MPEG2 " + size + " F25:1 C420jpeg\nFRAME\n"; };
        write(folder / "huge.y4m", header("W16384 H16384") + std::string(1000, 'x'));
        CHECK(says(refusal(folder / "huge.y4m"), "16384x16384"));
        write(folder / "wide.y4m", header("W8194 H64") + std::string(1000, 'x'));
        CHECK(says(refusal(folder / "wide.y4m"), "8194x64"));
        write(folder / "square.y4m", header("W8192 H8192") + std::string(1000, 'x'));
        CHECK(says(refusal(folder / "square.y4m"), "too large"));
    }

    TEST_CASE("sizes that cannot be made are refused") {
        const TemporaryFolder folder;
        const std::string path = made(folder, "a.mkv", {});
        CHECK(says(refusal(FileSourceConfig{path, 63, {}}), "use 62"));
        CHECK(says(refusal(FileSourceConfig{path, {}, 8}), "too small"));
        CHECK(says(refusal(FileSourceConfig{path, -64, 48}), "too small"));
        CHECK(says(refusal(FileSourceConfig{path, 16384, 16384}), "too large"));
    }

    TEST_CASE("an MP4 file without its index is refused") {
        const TemporaryFolder folder;
        const std::string path = made(folder, "a.mp4", noisy());
        cut(path, 0.5);
        const std::string message = refusal(path);
        CHECK(says(message, "Invalid data"));
        CHECK(says(message, "bytes are missing: copy it again"));
    }

    TEST_CASE("a file that breaks off is delivered as far as it goes and ends in a failure that says where") {
        const TemporaryFolder folder;
        VideoRecipe indexed = noisy();
        indexed.muxerOptions = {{"movflags", "faststart"}};
        VideoRecipe mpeg4 = noisy();
        mpeg4.codec = "mpeg4";
        for (const std::string& path :
             {made(folder, "a.mp4", indexed), made(folder, "a.mkv", noisy()), made(folder, "a.avi", mpeg4)}) {
            CAPTURE(path);
            cut(path, 0.5);
            const SeenFile file = readFile({path, {}, {}});
            CAPTURE(file.status.message());
            CHECK(file.sink.frames.size() > 20);
            CHECK(file.sink.frames.size() < 60);
            CHECK_FALSE(file.status.ok());
            CHECK(says(file.status.message(), path));
            CHECK(says(file.status.message(), "breaks off after"));
        }
    }

    TEST_CASE("a file of which a few bytes are missing is known to break off") {
        const TemporaryFolder folder;
        VideoRecipe indexed = noisy();
        indexed.muxerOptions = {{"movflags", "faststart"}};
        VideoRecipe fragmented = noisy();
        fragmented.muxerOptions = {{"movflags", "frag_keyframe+empty_moov"}};
        VideoRecipe live = noisy();
        live.muxerOptions = {{"live", "1"}};  // sizes are not filled in afterwards
        VideoRecipe mpeg4 = noisy();
        mpeg4.codec = "mpeg4";
        struct Case {
            std::string path;
            std::uintmax_t bytes;
        };
        for (const Case& c :
             {Case{made(folder, "indexed.mp4", indexed), 5}, Case{made(folder, "fragmented.mp4", fragmented), 700},
              Case{made(folder, "whole.mkv", noisy()), 1500}, Case{made(folder, "live.mkv", live), 5},
              Case{made(folder, "a.avi", mpeg4), 2500}, Case{made(folder, "a.ts", noisy()), 5}}) {
            CAPTURE(c.path);
            CHECK(readFile({c.path, {}, {}}).status.message() == "");
            cutBytes(c.path, c.bytes);
            const SeenFile file = readFile({c.path, {}, {}});
            CHECK(file.sink.frames.size() > 60);
            CHECK(says(file.status.message(), c.path));
            CHECK(says(file.status.message(), "bytes are missing"));
        }
    }

    TEST_CASE("a file of which only the trailing index is cut off is whole") {
        const TemporaryFolder folder;
        VideoRecipe fragmented = noisy();
        fragmented.muxerOptions = {{"movflags", "frag_keyframe+empty_moov"}};
        VideoRecipe mpeg4 = noisy();
        mpeg4.codec = "mpeg4";
        for (const std::string& path :
             {made(folder, "a.mkv", noisy()), made(folder, "a.mp4", fragmented), made(folder, "a.avi", mpeg4)}) {
            CAPTURE(path);
            cutBytes(path, 5);
            const SeenFile file = readFile({path, {}, {}});
            CHECK(file.status.message() == "");
            CHECK(file.sink.frames.size() == 75);
        }
    }

    TEST_CASE("a raw stream that is cut in mid picture says so where the decoder can tell") {
        const TemporaryFolder folder;
        const std::string whole = made(folder, "whole.h264", noisy());
        // The decoder cannot tell every torn picture from a whole one, and its threads not every time the same.
        bool told = false;
        for (int i = 1; i < 60 && !told; ++i) {
            const std::string path = folder / "a.h264";
            std::filesystem::copy_file(whole, path, std::filesystem::copy_options::overwrite_existing);
            cutBytes(path, static_cast<std::uintmax_t>(30 * i));
            const SeenFile file = readFile({path, {}, {}});
            CHECK(file.sink.frames.size() >= 74);
            told = says(file.status.message(), "in mid-picture");
        }
        CHECK(told);
    }

    TEST_CASE("a raw stream that is cut just ends") {
        const TemporaryFolder folder;
        for (const char* name : {"a.h264", "a.ts"}) {
            CAPTURE(name);
            const std::string path = made(folder, name, noisy());
            cut(path, 0.5);
            const SeenFile file = readFile({path, {}, {}});
            CHECK(file.sink.frames.size() > 20);
            CHECK(file.sink.frames.size() < 60);
        }
    }

    TEST_CASE("a packet of audio that claims to last for hours is copied without that claim") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        recipe.audioCodec = "aac";
        recipe.muxerOptions = {{"use_editlist", "0"}};
        const std::string path = made(folder, "a.mp4", recipe);
        std::string bytes = read(path);
        // in the audio track's header, and in the last entry of its table of times, which the table of blocks follows
        const std::size_t header = bytes.rfind("mdhd");
        const std::size_t blocks = bytes.rfind("stsc");
        REQUIRE(header < bytes.rfind("stts"));
        REQUIRE(bytes.rfind("stts") < blocks);
        bytes.replace(header + 20, 4, "\x7f\xff\xff\xff");
        bytes.replace(blocks - 8, 4, "\x7f\xff\xff\xff");
        write(path, bytes);
        const SeenFile file = readFile({path, {}, {}});
        CHECK(file.status.message() == "");
        REQUIRE_FALSE(file.sink.packets.empty());
        for (const SeenPacket& packet : file.sink.packets)
            CHECK(packet.duration < 1s);
    }

    TEST_CASE("a list of addresses in a pipe connects to nobody") {
        const std::string list =
            "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n";
        int ends[2] = {-1, -1};
        REQUIRE(pipe(ends) == 0);
        const UniqueFd readEnd(ends[0]);
        UniqueFd writeEnd(ends[1]);
        REQUIRE(::write(writeEnd.get(), list.data(), list.size()) == static_cast<ssize_t>(list.size()));
        writeEnd.reset();
        CHECK(says(refusal("/proc/self/fd/" + std::to_string(readEnd.get())), "'http' not on whitelist"));
    }

    TEST_CASE("damage in the middle does not end the recording") {
        const TemporaryFolder folder;
        for (const char* name : {"a.h264", "a.ts", "a.mkv", "a.mp4"}) {
            CAPTURE(name);
            const std::string path = made(folder, name, noisy());
            const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
            {
                std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
                file.seekp(size * 2 / 5);
                file << std::string(1500, '\x5a');
            }
            const SeenFile file = readFile({path, {}, {}});
            CHECK(file.status.message() == "");
            CHECK(file.sink.frames.size() > 60);
            CHECK(file.sink.frames.back().time > 2800ms);
            for (std::size_t i = 1; i < file.sink.frames.size(); ++i)
                CHECK(file.sink.frames[i].time > file.sink.frames[i - 1].time);
        }
    }
}
