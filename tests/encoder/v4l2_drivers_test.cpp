#include "encoder/v4l2_drivers.h"

#include <doctest/doctest.h>

namespace smartcodec {
namespace {

TEST_SUITE("unit") {
    TEST_CASE("a driver that nobody has looked at is taken at its word") {
        const V4l2DriverFacts& facts = driverFacts("acme-venc");
        CHECK(facts.driver.empty());
        CHECK_FALSE(facts.bitrate);
        CHECK_FALSE(facts.keyFrame);
        CHECK_FALSE(facts.qpRange);
        CHECK_FALSE(facts.frameRate);
        CHECK_FALSE(facts.qpMap);
        CHECK(facts.droppedFrames.empty());
        CHECK(driverFacts("").driver.empty());
    }

    TEST_CASE("controls that do nothing are known") {
        CHECK(driverFacts("s5p-mfc").keyFrame == ControlEffect::Absent);
        CHECK(driverFacts("s5p-mfc").bitrate == ControlEffect::Static);
        CHECK(driverFacts("wave5-enc").bitrate == ControlEffect::Static);
        CHECK(driverFacts("qcom-venus").qpRange == ControlEffect::Static);
        CHECK(driverFacts("bcm2835-codec").qpRange == ControlEffect::Live);
        CHECK_FALSE(driverFacts("iris_driver").keyFrame);  // there or not, but where it is it acts
    }

    TEST_CASE("every driver that is known says how it reckons with dropped frames") {
        for (const char* driver : {"bcm2835-codec", "qcom-venus", "iris_driver", "mtk-vcodec-enc", "s5p-mfc", "coda",
                                   "allegro", "amphion-vpu", "wave5-enc", "st-hva", "vsi_v4l2", "vicodec"}) {
            CAPTURE(driver);
            CHECK(driverFacts(driver).driver == driver);
            CHECK_FALSE(driverFacts(driver).droppedFrames.empty());
        }
    }

    TEST_CASE("effects have names") {
        CHECK(name(ControlEffect::Absent) == doctest::String("absent"));
        CHECK(name(ControlEffect::Static) == doctest::String("static"));
        CHECK(name(ControlEffect::Live) == doctest::String("live"));
    }
}

}  // namespace
}  // namespace smartcodec
