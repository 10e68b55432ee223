#include "capture/mapping.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "capture/unique_fd.h"

using namespace smartcodec;

namespace {

constexpr Size kSize{64, 48};
constexpr std::size_t kLumaBytes = 64 * 48;
constexpr std::size_t kTotalBytes = kLumaBytes * 3 / 2;

/// Shared memory by descriptor, as a dmabuf is, without a device.
UniqueFd sharedMemory(const char* label, std::size_t bytes) {
    UniqueFd fd(memfd_create(label, MFD_CLOEXEC));
    REQUIRE(fd);
    REQUIRE(ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
    return fd;
}

Picture inOneBuffer(const UniqueFd& fd) {
    Picture picture;
    picture.format = kNv12;
    picture.size = kSize;
    picture.planes[0] = {.dmabuf = fd.get(), .offsetBytes = 0, .strideBytes = 64, .data = nullptr};
    picture.planes[1] = {.dmabuf = fd.get(), .offsetBytes = kLumaBytes, .strideBytes = 64, .data = nullptr};
    return picture;
}

/// How often the process has that memory file mapped now, by the kernel's own list.
int mappings(const std::string& label) {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);)
        count += line.find("memfd:" + label) != std::string::npos ? 1 : 0;
    return count;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("plain memory is passed through unchanged") {
        std::array<std::byte, kTotalBytes> memory{};
        Picture picture;
        picture.format = kNv12;
        picture.size = kSize;
        picture.planes[0] = {.dmabuf = -1, .offsetBytes = 0, .strideBytes = 64, .data = memory.data()};
        picture.planes[1] = {.dmabuf = -1, .offsetBytes = 0, .strideBytes = 64, .data = memory.data() + kLumaBytes};
        Mapping mapping;
        REQUIRE(mapping.open(picture, Mapping::Access::ReadWrite).ok());
        CHECK(mapping.picture().planes[0].data == memory.data());
        CHECK(mapping.picture().planes[1].data == memory.data() + kLumaBytes);
    }

    TEST_CASE("two planes in one buffer are mapped once and unmapped at the end") {
        const UniqueFd fd = sharedMemory("smartcodec-one", kTotalBytes);
        {
            Mapping mapping;
            REQUIRE(mapping.open(inOneBuffer(fd), Mapping::Access::ReadWrite).ok());
            CHECK(mappings("smartcodec-one") == 1);
            const auto& planes = mapping.picture().planes;
            CHECK(planes[1].data == planes[0].data + kLumaBytes);
            std::memset(planes[1].data, 77, 64);
        }
        CHECK(mappings("smartcodec-one") == 0);
        unsigned char written = 0;
        REQUIRE(pread(fd.get(), &written, 1, kLumaBytes) == 1);
        CHECK(written == 77);
    }

    TEST_CASE("planes in buffers of their own are mapped each") {
        const UniqueFd luma = sharedMemory("smartcodec-luma", kLumaBytes);
        const UniqueFd chroma = sharedMemory("smartcodec-chroma", kLumaBytes / 2);
        const unsigned char mark = 5;
        REQUIRE(pwrite(chroma.get(), &mark, 1, 0) == 1);
        Picture picture = inOneBuffer(luma);
        picture.planes[1].dmabuf = chroma.get();
        picture.planes[1].offsetBytes = 0;
        Mapping mapping;
        REQUIRE(mapping.open(picture, Mapping::Access::Read).ok());
        CHECK(mappings("smartcodec-luma") == 1);
        CHECK(mappings("smartcodec-chroma") == 1);
        CHECK(*mapping.picture().planes[1].data == std::byte{5});
        mapping.close();
        CHECK(mappings("smartcodec-luma") == 0);
        CHECK(mapping.picture().planes[0].data == nullptr);
    }

    TEST_CASE("a moved mapping stays mapped and is unmapped once") {
        const UniqueFd fd = sharedMemory("smartcodec-moved", kTotalBytes);
        Mapping outer;
        {
            Mapping inner;
            REQUIRE(inner.open(inOneBuffer(fd), Mapping::Access::Read).ok());
            outer = std::move(inner);
        }
        CHECK(mappings("smartcodec-moved") == 1);
        CHECK(*outer.picture().planes[0].data == std::byte{0});
        outer.close();
        CHECK(mappings("smartcodec-moved") == 0);
    }

    TEST_CASE("memory behind a buffer that fills its pages may be read") {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const UniqueFd memory(memfd_create("padded", MFD_CLOEXEC));
        REQUIRE(ftruncate(memory.get(), static_cast<off_t>(page)) == 0);
        PaddedMapping mapping(memory.get(), page, true);
        REQUIRE(mapping);
        mapping.data()[page - 1] = std::byte{7};
        const volatile std::byte* const behind = mapping.data() + page;
        CHECK(behind[0] == std::byte{0});
        CHECK(behind[63] == std::byte{0});
        const PaddedMapping moved = std::move(mapping);
        CHECK(!mapping);
        CHECK(moved.data()[page - 1] == std::byte{7});
    }

    TEST_CASE("a buffer smaller than its planes is refused with both sizes") {
        const UniqueFd fd = sharedMemory("smartcodec-short", kLumaBytes);
        Mapping mapping;
        const Status status = mapping.open(inOneBuffer(fd), Mapping::Access::Read);
        CHECK_FALSE(status.ok());
        CHECK(status.message().find(std::to_string(kLumaBytes)) != std::string::npos);
        CHECK(status.message().find(std::to_string(kTotalBytes)) != std::string::npos);
        CHECK(mappings("smartcodec-short") == 0);
        CHECK(mapping.picture().planes[0].data == nullptr);
    }

    TEST_CASE("a second buffer that cannot be mapped takes the first with it") {
        const UniqueFd fd = sharedMemory("smartcodec-first", kTotalBytes);
        Picture picture = inOneBuffer(fd);
        picture.planes[1].dmabuf = 1 << 20;  // no such descriptor
        Mapping mapping;
        CHECK_FALSE(mapping.open(picture, Mapping::Access::Read).ok());
        CHECK(mappings("smartcodec-first") == 0);
    }

    TEST_CASE("a picture without memory or of unknown format is refused") {
        Picture picture;
        picture.format = kNv12;
        picture.size = kSize;
        Mapping mapping;
        CHECK_FALSE(mapping.open(picture, Mapping::Access::Read).ok());
        CHECK_FALSE(mapping.open(Picture{}, Mapping::Access::Read).ok());
    }
}
