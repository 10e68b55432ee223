#include "mux/home_disk.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "mux/segment_folder.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {
namespace {

namespace fs = std::filesystem;

dev_t diskOf(const std::string& folder) {
    struct stat status {};
    REQUIRE(::stat(folder.c_str(), &status) == 0);
    return status.st_dev;
}

/// Takes the disk that was at `place` away and puts another one there.
void replug(const std::string& place, const std::string& disk) {
    fs::remove(place);
    fs::create_directory_symlink(disk, place);
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an empty place on the system's own disk is not taken for the disk that was there") {
        const std::string memory = "/dev/shm";  // is never on the system's own
        REQUIRE(diskOf(memory) != diskOf("/"));
        const TemporaryFolder folder;
        const std::string place = folder / "stick";
        replug(place, memory);
        const HomeDisk disk(place);
        CHECK_NOTHROW(disk.check());
        replug(place, "/");
        CHECK_THROWS_WITH(disk.check(), doctest::Contains("its disk has gone"));
        fs::remove(place);
        CHECK_THROWS(disk.check());
        replug(place, memory);
        CHECK_NOTHROW(disk.check());
        CHECK_NOTHROW(HomeDisk("/").check());
    }

    TEST_CASE("a folder is followed to where its path leads now") {
        const TemporaryFolder folder;
        fs::create_directory(folder / "a");
        fs::create_directory(folder / "b");
        const std::string place = folder / "place";
        replug(place, folder / "a");
        SegmentFolder segments(place);
        CHECK_FALSE(segments.reopen());
        replug(place, folder / "b");
        CHECK_FALSE(segments.isTaken("file"));
        CHECK(segments.openHere("file", O_CREAT | O_WRONLY));
        CHECK(fs::exists(folder / "a/file"));
        CHECK(segments.reopen());
        CHECK_FALSE(segments.isTaken("file"));
        CHECK(segments.openHere("file", O_CREAT | O_WRONLY));
        CHECK(fs::exists(folder / "b/file"));
        CHECK_THROWS_WITH(SegmentFolder(folder / "b"), doctest::Contains("another recording"));
        fs::remove(place);
        CHECK_THROWS((void)segments.reopen());
        CHECK(segments.isTaken("file"));  // as it was
    }
}

}  // namespace smartcodec::test
