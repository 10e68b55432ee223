#include "tests/support/emulated_v4l2.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "tests/support/emulated_v4l2_client.h"
#include "tests/support/fake_bitstream.h"

using namespace smartcodec;
using test::V4l2Calls;

namespace {

constexpr Size kSize{128, 96};

std::vector<V4l2Calls::Dequeued> record(V4l2Calls& calls, int frames) {
    std::vector<V4l2Calls::Dequeued> packets;
    for (int i = 0; i < frames; ++i)
        calls.encode(1000 * (i + 1), packets);
    REQUIRE(calls.drain(packets));
    return packets;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("pictures go in and one access unit each comes out") {
        for (const char* name : {"plain", "plain-single"}) {
            V4l2Calls calls(v4l2Personality(name));
            calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, kSize);
            const auto packets = record(calls, 10);
            std::size_t pictures = 0;
            for (const auto& packet : packets) {
                if (packet.data.empty())
                    continue;
                const auto picture = parseFakePicture(packet.data);
                REQUIRE(picture);
                CHECK(picture->number == pictures);
                CHECK(picture->keyFrame == (pictures == 0));
                CHECK(picture->parameterSets == (pictures == 0));
                CHECK(((packet.flags & V4L2_BUF_FLAG_KEYFRAME) != 0) == (pictures == 0));
                CHECK(packet.microseconds == static_cast<std::int64_t>(1000 * (pictures + 1)));
                ++pictures;
            }
            CHECK(pictures == 10);
            CHECK((packets.back().flags & V4L2_BUF_FLAG_LAST) != 0);
        }
    }
}
