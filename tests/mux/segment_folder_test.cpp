#include "mux/segment_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using test::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

void writeText(const std::string& path, const std::string& text = "precious") {
    std::ofstream(path) << text;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("names that lead out of the folder are none") {
        for (const char* name : {"", "/a", "..", "a/..", "../a", "a/../b", ".", "a/./b", "a//b", "a/"}) {
            CAPTURE(name);
            CHECK_FALSE(SegmentFolder::isInside(name));
        }
        CHECK(SegmentFolder::isInside("a"));
        CHECK(SegmentFolder::isInside("..a/b..c/..."));
    }

    TEST_CASE("nothing outside the folder is removed") {
        const TemporaryFolder outside;
        fs::create_directory(outside / "in");
        writeText(outside / "x");
        SegmentFolder folder(outside / "in");
        CHECK(folder.removeFile("../x"));
        CHECK(folder.removeFile(outside / "x"));
        CHECK_FALSE(folder.sizeOf("../x"));
        CHECK(fs::exists(outside / "x"));
    }

    TEST_CASE("links are neither followed nor removed") {
        const TemporaryFolder outside;
        fs::create_directory(outside / "in");
        writeText(outside / "x");
        fs::create_symlink("../x", outside / "in/link");
        fs::create_directory_symlink("..", outside / "in/up");
        SegmentFolder folder(outside / "in");
        for (const char* name : {"link", "up/x", "up"}) {
            CAPTURE(name);
            CHECK(folder.removeFile(name));
            CHECK_FALSE(folder.sizeOf(name));
        }
        CHECK(folder.isTaken("link"));
        CHECK(folder.isTaken("up"));
        CHECK_FALSE(folder.isTaken("up/x"));  // there is no way to it
        CHECK_THROWS((void)folder.makeFoldersFor("up/new/file"));
        folder.removeFolder("up");
        CHECK(fs::exists(outside / "x"));
        CHECK(fs::is_symlink(outside / "in/link"));
        CHECK(fs::is_symlink(outside / "in/up"));
        CHECK_FALSE(fs::exists(outside / "new"));
    }

    TEST_CASE("files are measured and removed and folders are not") {
        const TemporaryFolder place;
        SegmentFolder folder(place.path());
        CHECK(folder.makeFoldersFor("a/b/file") == std::vector<std::string>{"a", "a/b"});
        CHECK(folder.makeFoldersFor("a/c/file") == std::vector<std::string>{"a/c"});
        writeText(place / "a/b/file");
        CHECK(folder.sizeOf("a/b/file") == 8U);
        CHECK_FALSE(folder.sizeOf("a/b"));
        CHECK(folder.isTaken("a/b"));
        CHECK_FALSE(folder.isTaken("a/b/other"));
        CHECK_FALSE(folder.isTaken("none/other"));
        CHECK(folder.removeFile("a/b"));
        folder.removeFolder("a/b");
        CHECK(fs::exists(place / "a/b/file"));  // it is not empty
        CHECK_FALSE(folder.removeFile("a/b/file"));
        folder.removeFolder("a/b");
        CHECK_FALSE(fs::exists(place / "a/b"));
    }

    TEST_CASE("a folder has one recorder at a time") {
        const TemporaryFolder place;
        {
            const SegmentFolder first(place.path());
            CHECK_THROWS_WITH(SegmentFolder{place.path()}, doctest::Contains("another recording"));
        }
        const SegmentFolder again(place.path());
        CHECK_THROWS_WITH(SegmentFolder{place / "none"}, doctest::Contains("create it first"));
    }
}
