#include "encoder/v4l2_encoder.h"

#include <doctest/doctest.h>

#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

TEST_SUITE("unit") {
    TEST_CASE("every frame of a recording comes out with its capture time") {
        for (const char* name : {"plain", "plain-single"}) {
            CAPTURE(name);
            EmulatedV4l2 system(v4l2Personality(name), EmulatedV4l2::Coding::Fake);
            const EncoderConfig config = smallConfig();
            {
                const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                const V4l2Recording recording = record(*encoder, config, 60);
                CHECK(recording.failure == "");
                checkStream(recording);
                REQUIRE(recording.packets.size() == 60);
                for (int i = 0; i < 60; ++i)
                    CHECK(recording.packets[static_cast<std::size_t>(i)].presentation == at(i));
            }
            CHECK(system.openDescriptors() == 0);
            CHECK(system.mappings() == 0);
        }
    }
}

}  // namespace
}  // namespace smartcodec::test
