#include "capture/gate.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace smartcodec;

TEST_SUITE("unit") {
    TEST_CASE("a gate lets pass only while it is open") {
        Gate gate;
        int passed = 0;
        const auto count = [&] { ++passed; };
        CHECK_FALSE(gate.pass(count));
        gate.open();
        CHECK(gate.pass(count));
        CHECK(gate.pass(count));
        gate.close();
        CHECK_FALSE(gate.pass(count));
        gate.close();  // is nothing new
        gate.open();
        CHECK(gate.pass(count));
        CHECK(passed == 3);
    }

    TEST_CASE("who closes a gate waits for those inside and nobody follows") {
        for (int round = 0; round < 200; ++round) {
            Gate gate;
            gate.open();
            std::atomic<int> inside{0};
            std::atomic<int> passed{0};
            std::vector<std::thread> threads;
            for (int i = 0; i < 3; ++i) {
                threads.emplace_back([&] {
                    while (gate.pass([&] {
                        ++inside;
                        std::this_thread::yield();
                        ++passed;
                        --inside;
                    })) {
                    }
                });
            }
            while (passed < round % 20)
                std::this_thread::yield();
            gate.close();
            CHECK(inside == 0);
            const int before = passed;
            for (std::thread& thread : threads)
                thread.join();
            CHECK(passed == before);
        }
    }
}
