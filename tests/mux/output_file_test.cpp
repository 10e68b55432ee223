#include "mux/output_file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/support/temporary_folder.h"

namespace smartcodec::test {
namespace {

std::string refusal(const std::string& path, bool overwrite = false) {
    try {
        (void)createOutputFile(path, overwrite);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

bool mentions(const std::string& message, const std::string& words) {
    return message.find(words) != std::string::npos;
}

/// Root may write everywhere; a test of what is forbidden must be somebody else for a moment.
class Nobody {
  public:
    Nobody() {
        if (geteuid() == 0)
            changed_ = seteuid(65534) == 0;
    }
    ~Nobody() {
        if (changed_ && seteuid(0) != 0)
            std::terminate();
    }
    Nobody(const Nobody&) = delete;
    Nobody& operator=(const Nobody&) = delete;

  private:
    bool changed_ = false;
};

constexpr std::array<std::byte, 1000> kData{};

TEST_SUITE("integration") {
    TEST_CASE("an existing file is refused untouched") {
        const TemporaryFolder folder;
        const std::string path = folder / "here.mp4";
        std::ofstream(path) << "precious";
        CHECK(refusal(path) == "'" + path + "' exists; give --overwrite to replace it");
        CHECK(std::filesystem::file_size(path) == 8);
        CHECK(refusal(path, true).empty());
        CHECK(std::filesystem::file_size(path) == 0);
    }

    TEST_CASE("a folder in place of a file is refused") {
        const TemporaryFolder folder;
        const std::string path = folder.path().string();
        for (const bool overwrite : {false, true}) {
            CHECK(mentions(refusal(path, overwrite), path));
            CHECK(mentions(refusal(path, overwrite), "is a folder"));
        }
    }

    TEST_CASE("a missing folder is named") {
        const TemporaryFolder folder;
        const std::string message = refusal(folder / "none/video.mp4");
        CHECK(mentions(message, folder / "none'"));
        CHECK(mentions(message, "create it first"));
        std::ofstream(folder / "file") << "x";
        CHECK(mentions(refusal(folder / "file/video.mp4"), "file"));
    }

    TEST_CASE("no name at all is refused") {
        CHECK(mentions(refusal(""), "--output"));
    }

    TEST_CASE("a folder that may not be written to is refused") {
        const TemporaryFolder folder;
        std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
        const Nobody nobody;
        const std::string message = refusal(folder / "video.mp4");
        CHECK(mentions(message, "Permission denied"));
        CHECK(mentions(message, folder / "video.mp4"));
    }

    TEST_CASE("a file that may not be written to is refused") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        std::ofstream(path) << "precious";
        std::filesystem::permissions(path, std::filesystem::perms(0444));
        std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
        const Nobody nobody;
        CHECK(mentions(refusal(path, true), "Permission denied"));
        CHECK(std::filesystem::file_size(path) == 8);
    }

    TEST_CASE("a pipe is refused") {
        const TemporaryFolder folder;
        const std::string path = folder / "pipe";
        REQUIRE(mkfifo(path.c_str(), 0600) == 0);
        CHECK(mentions(refusal(path, true), "pipe"));
    }

    TEST_CASE("reserving does not change the size and closing gives the rest back") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const auto file = createOutputFile(path, false);
        REQUIRE_FALSE(file->reserve(1 << 20));
        CHECK(std::filesystem::file_size(path) == 0);
        REQUIRE_FALSE(file->writeAt(0, kData));
        REQUIRE_FALSE(file->writeAt(10, kData));
        CHECK(file->sizeBytes() == 1010);
        REQUIRE_FALSE(file->close());
        struct stat status {};
        REQUIRE(stat(path.c_str(), &status) == 0);
        CHECK(status.st_size == 1010);
        CHECK(status.st_blocks * 512 < (1 << 20));
    }

    TEST_CASE("of a write that fails on its way nothing is left") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        rlimit before{};
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
        const rlimit small{.rlim_cur = 1500, .rlim_max = before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        const auto handler = signal(SIGXFSZ, SIG_IGN);
        const auto file = createOutputFile(path, false);
        const std::error_code first = file->writeAt(0, kData);
        const std::error_code second = file->writeAt(1000, kData);
        const auto halfway = std::filesystem::file_size(path);
        signal(SIGXFSZ, handler);
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK_FALSE(first);
        CHECK(second == std::errc::file_too_large);
        CHECK(halfway == 1500);
        CHECK(file->sizeBytes() == 1000);
        REQUIRE_FALSE(file->close());
        CHECK(std::filesystem::file_size(path) == 1000);
    }

    TEST_CASE("a full device answers with the system's error") {
        const auto file = createOutputFile("/dev/full", true);
        CHECK_FALSE(file->reserve(100));
        CHECK(file->writeAt(0, kData) == std::errc::no_space_on_device);
    }
}

}  // namespace
}  // namespace smartcodec::test
