#include "app/retry_plan.h"

#include <doctest/doctest.h>

#include <vector>

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

RetryPlan::Moment at(std::chrono::nanoseconds time) {
    return RetryPlan::Moment(time);
}

/// How long each of so many failures makes wait.
std::vector<std::chrono::seconds> waits(RetryPlan& plan, std::chrono::nanoseconds start, int failures) {
    std::vector<std::chrono::seconds> all;
    auto now = start;
    for (int i = 0; i < failures; ++i) {
        plan.failed(at(now));
        const auto failed = now;
        while (!plan.isDue(at(now)))
            now += 1s;
        all.push_back(std::chrono::duration_cast<std::chrono::seconds>(now - failed));
    }
    return all;
}

using Waits = std::vector<std::chrono::seconds>;

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("what fails is tried again at once and then after ever longer waits") {
        RetryPlan plan({});
        CHECK(plan.isDue(at(0s)));
        CHECK(waits(plan, 100s, 7) == Waits{0s, 1s, 2s, 4s, 8s, 10s, 10s});
    }

    TEST_CASE("only what was well for long is tried again at once") {
        RetryPlan plan({});
        CHECK(waits(plan, 100s, 3) == Waits{0s, 1s, 2s});
        plan.worked(at(103s));
        CHECK(waits(plan, 112s, 2) == Waits{4s, 8s});
        plan.worked(at(130s));
        CHECK(waits(plan, 140s, 2) == Waits{0s, 1s});
    }
}
