#include "capture/unique_fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <system_error>
#include <utility>

using namespace smartcodec;

namespace {

UniqueFd openNull() {
    return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC));
}

/// The kernel's word, not the object's.
bool isOpen(int descriptor) {
    return fcntl(descriptor, F_GETFD) >= 0;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a descriptor is closed when its owner dies") {
        int number = -1;
        {
            const UniqueFd fd = openNull();
            number = fd.get();
            REQUIRE(isOpen(number));
        }
        CHECK_FALSE(isOpen(number));
    }

    TEST_CASE("moving a descriptor leaves one owner") {
        UniqueFd first = openNull();
        const int number = first.get();
        UniqueFd second = std::move(first);
        CHECK(second.get() == number);
        CHECK(first.get() == -1);
        first.reset();
        CHECK(isOpen(number));
    }

    TEST_CASE("assigning over a descriptor closes the one that was there") {
        UniqueFd kept = openNull();
        UniqueFd other = openNull();
        const int before = kept.get();
        const int after = other.get();
        kept = std::move(other);
        CHECK_FALSE(isOpen(before));
        CHECK(isOpen(after));
        UniqueFd& alias = kept;
        kept = std::move(alias);
        CHECK(isOpen(after));
    }

    TEST_CASE("releasing a descriptor leaves it open") {
        UniqueFd fd = openNull();
        const UniqueFd taken(fd.release());
        CHECK_FALSE(fd);
        CHECK(isOpen(taken.get()));
    }

    TEST_CASE("a duplicate is another descriptor of the same file and closed on exec") {
        std::array<int, 2> ends{};
        REQUIRE(pipe(ends.data()) == 0);
        const UniqueFd reading(ends[0]);
        UniqueFd writing(ends[1]);
        const UniqueFd copy = writing.duplicate();
        CHECK(copy.get() != writing.get());
        CHECK((fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
        writing.reset();
        REQUIRE(write(copy.get(), "x", 1) == 1);
        char byte = 0;
        REQUIRE(read(reading.get(), &byte, 1) == 1);
        CHECK(byte == 'x');
    }

    TEST_CASE("a failed open gives an empty owner whose duplicate throws") {
        const UniqueFd fd(open("/nonexistent/file", O_RDONLY));
        CHECK_FALSE(fd);
        CHECK_THROWS_AS((void)fd.duplicate(), std::system_error);
    }
}
