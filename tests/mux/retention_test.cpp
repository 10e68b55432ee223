#include "mux/retention.h"

#include <doctest/doctest.h>

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

/// Four of 10 bytes, 4 to 1 hours old; 5 bytes being written; 100 free.
RetentionState fourHours() {
    RetentionState state;
    for (int hours = 4; hours > 0; --hours)
        state.segments.push_back({.bytes = 10, .age = std::chrono::hours(hours)});
    state.openBytes = 5;
    state.freeBytes = 100;
    return state;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("without limits everything stays") {
        CHECK(countToRemove(fourHours(), {}) == 0);
        CHECK(countToRemove({}, {.age = 1s, .bytes = 1, .freeBytes = 1}) == 0);
    }

    TEST_CASE("segments past their age go") {
        CHECK(countToRemove(fourHours(), {.age = 4h}) == 0);
        CHECK(countToRemove(fourHours(), {.age = 150min}) == 2);
        CHECK(countToRemove(fourHours(), {.age = 1min}) == 4);
    }

    TEST_CASE("a segment of unknown age stays and so do those behind it") {
        RetentionState state = fourHours();
        state.segments[1].age.reset();
        CHECK(countToRemove(state, {.age = 1min}) == 1);
    }

    TEST_CASE("the oldest go until the rest is small enough with the one being written") {
        CHECK(countToRemove(fourHours(), {.bytes = 45}) == 0);
        CHECK(countToRemove(fourHours(), {.bytes = 44}) == 1);
        CHECK(countToRemove(fourHours(), {.bytes = 15}) == 3);
        CHECK(countToRemove(fourHours(), {.bytes = 1}) == 4);
    }

    TEST_CASE("the oldest go until enough of the disk is free") {
        CHECK(countToRemove(fourHours(), {.freeBytes = 100}) == 0);
        CHECK(countToRemove(fourHours(), {.freeBytes = 101}) == 1);
        CHECK(countToRemove(fourHours(), {.freeBytes = 120}) == 2);
        CHECK(countToRemove(fourHours(), {.freeBytes = 1000}) == 4);
        RetentionState unknown = fourHours();
        unknown.freeBytes.reset();
        CHECK(countToRemove(unknown, {.freeBytes = 1000}) == 0);
    }

    TEST_CASE("the strictest limit counts") {
        CHECK(countToRemove(fourHours(), {.age = 210min, .bytes = 25, .freeBytes = 105}) == 2);
        CHECK(countToRemove(fourHours(), {.age = 210min, .bytes = 1000, .freeBytes = 121}) == 3);
    }
}
