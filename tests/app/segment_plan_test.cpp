#include "app/segment_plan.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "tests/app/fake_clocks.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// The times, in milliseconds since the first one, at which segments begin, where a picture comes each `period`.
struct Timeline {
    explicit Timeline(const SegmentSettings& settings, const FakeClocks& given = noon())
        : clocks(given), plan(settings, WallTimes(clocks.reader(), true)) {}

    void run(std::chrono::milliseconds length, std::chrono::milliseconds period) {
        for (const std::chrono::milliseconds until = passed + length; passed < until;) {
            if (plan.isDue(CaptureTime(1000s) + passed)) {
                starts.push_back(static_cast<int>(passed.count()));
                numbers.push_back(plan.begin(CaptureTime(1000s) + passed));
            }
            passed += period;
            clocks.pass(period);
        }
    }

    FakeClocks clocks;
    SegmentPlan plan;
    std::chrono::milliseconds passed{0};
    std::vector<int> starts;
    std::vector<std::uint64_t> numbers;
};

/// The time zone of a test.
class Zone {
  public:
    explicit Zone(const char* name) : before_(std::getenv("TZ") ? std::getenv("TZ") : "") { set(name); }
    ~Zone() { before_.empty() ? (void)unsetenv("TZ") : set(before_.c_str()), tzset(); }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;

  private:
    static void set(const char* name) {
        setenv("TZ", name, 1);
        tzset();
    }
    std::string before_;
};

using Starts = std::vector<int>;

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a segment begins with the first picture at or past its time and lengths add up") {
        Timeline even({.length = 2s});
        even.run(7s, 40ms);
        CHECK(even.starts == Starts{2000, 4000, 6000});
        CHECK(even.numbers == std::vector<std::uint64_t>{1, 2, 3});
        Timeline odd({.length = 2s});
        odd.run(7s, 300ms);
        CHECK(odd.starts == Starts{2100, 4200, 6000});
    }

    TEST_CASE("a gap in the pictures makes no empty segments") {
        Timeline line({.length = 1s});
        line.run(1s, 100ms);
        line.run(5500ms, 5500ms);
        line.run(1s, 100ms);
        CHECK(line.starts == Starts{1000, 6500, 7000});
    }

    TEST_CASE("a jump of the wall clock changes no length") {
        for (const auto jump : {-24h, 24h, 0h}) {
            Timeline line({.length = 2s});
            line.run(3s, 100ms);
            line.clocks.jump(jump + 700ms);
            line.run(4s, 100ms);
            CHECK(line.starts == Starts{2000, 4000, 6000});
        }
    }

    TEST_CASE("aligned segments begin at round times of the day") {
        FakeClocks clocks = noon();
        clocks.jump(7min + 30s);
        Timeline line({.length = 10min, .aligned = true}, clocks);
        line.run(35min, 500ms);
        CHECK(line.starts == Starts{150'000, 750'000, 1'350'000, 1'950'000});
    }

    TEST_CASE("aligned segments are of local time") {
        const Zone zone("XXX-5:45");  // as in Nepal
        FakeClocks clocks = noon();   // 17:45 there
        Timeline line({.length = 1h, .aligned = true}, clocks);
        line.run(2h, 500ms);
        CHECK(line.starts == Starts{900'000, 4'500'000});
    }

    TEST_CASE("a clock that is set back a little makes no short segment") {
        Timeline line({.length = 1min, .aligned = true});
        line.run(60s, 100ms);
        line.clocks.jump(-3ms);
        line.run(130s, 100ms);
        CHECK(line.starts == Starts{60'000, 120'000 + 100, 180'000 + 100});
    }

    TEST_CASE("after a jump aligned segments become round again with the one after the next") {
        Timeline line({.length = 1min, .aligned = true});
        line.run(30s, 500ms);
        line.clocks.jump(24h + 20s);
        line.run(130s, 500ms);
        CHECK(line.starts == Starts{60'000, 100'000});
    }

    TEST_CASE("a full segment ends with the next picture and is told once") {
        Timeline line({.bytes = 100});
        line.run(1s, 100ms);
        line.plan.full(0);
        line.run(1s, 100ms);
        line.plan.full(0);  // late word of what is over
        line.run(1s, 100ms);
        line.plan.full(1);
        line.run(1s, 100ms);
        CHECK(line.starts == Starts{1000, 3000});
    }

    TEST_CASE("an event begins a length of its own and nothing of an earlier one counts") {
        Timeline line({.length = 2s, .bytes = 100});
        line.run(1500ms, 100ms);
        line.plan.full(0);
        line.plan.restart(CaptureTime(1000s) + line.passed);
        line.run(3s, 100ms);
        CHECK(line.starts == Starts{3500});
    }

    TEST_CASE("a full segment begins a new length") {
        Timeline line({.length = 2s, .bytes = 100});
        line.run(1s, 100ms);
        line.plan.full(0);
        line.run(4s, 100ms);
        CHECK(line.starts == Starts{1000, 3000});
    }
}
