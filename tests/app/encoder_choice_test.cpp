#include "app/encoder_choice.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/emulated_v4l2.h"

using namespace smartcodec;

namespace {

using Kind = EncoderChoice::Kind;

/// A machine without video nodes.
class NoDevices final : public V4l2System {
  public:
    std::vector<std::string> nodes() override { return {}; }
    int open(const char*) override { return refuse(); }
    int close(int) override { return refuse(); }
    int ioctl(int, unsigned long, void*) override { return refuse(); }
    void* map(int, std::size_t, std::int64_t) override {
        (void)refuse();
        return reinterpret_cast<void*>(-1);  // MAP_FAILED
    }
    int unmap(void*, std::size_t) override { return refuse(); }
    std::int64_t length(int) override { return refuse(); }
    int poll(std::span<pollfd>, int) override { return refuse(); }

  private:
    static int refuse() {
        errno = ENODEV;
        return -1;
    }
};

EncoderConfig configFor(const Settings& settings, Size size = {640, 360}) {
    EncoderConfig config;
    config.codec = settings.codec;
    config.format = kYuv420;
    config.size = size;
    config.frameRate = {25, 1};
    return config;
}

Settings choosing(EncoderChoice choice, Codec codec = Codec::H264) {
    Settings settings;
    settings.encoder = std::move(choice);
    settings.codec = codec;
    return settings;
}

bool isNoted(const ChosenEncoder& chosen, const std::string& part) {
    for (const std::string& note : chosen.notes) {
        if (note.find(part) != std::string::npos)
            return true;
    }
    return false;
}

std::string refusal(const Settings& settings, V4l2System& system, Size size = {640, 360}) {
    try {
        (void)openEncoder(settings, configFor(settings, size), system);
        return {};
    } catch (const std::exception& error) {
        return error.what();
    }
}

/// Nodes in the order of the names, of the fake codec.
EmulatedV4l2 machineWith(std::initializer_list<const char*> names) {
    std::vector<V4l2Personality> personalities;
    for (const char* name : names)
        personalities.push_back(v4l2Personality(name));
    return EmulatedV4l2(personalities, EmulatedV4l2::Coding::Fake);
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("without a device auto becomes the software encoder and says why") {
        NoDevices system;
        const Settings settings = choosing({.kind = Kind::Automatic});
        const ChosenEncoder chosen = openEncoder(settings, configFor(settings), system);
        CHECK(chosen.encoder->capabilities().name == "libx264");
        REQUIRE(chosen.notes.size() == 1);
        CHECK(chosen.notes[0] == "--encoder auto: software (libx264): there is no V4L2 encoder for it here");
    }

    TEST_CASE("auto becomes the first device that codes this codec") {
        EmulatedV4l2 system = machineWith({"bcm2835-codec", "venus", "iris"});
        const Settings settings = choosing({.kind = Kind::Automatic}, Codec::Hevc);
        const ChosenEncoder chosen = openEncoder(settings, configFor(settings), system);
        CHECK(chosen.encoder->capabilities().name.find(system.nodes().at(1)) != std::string::npos);
        CHECK(isNoted(chosen, "--encoder auto: "));
        CHECK(isNoted(chosen, system.nodes().at(0)));  // why not this one
        CHECK_FALSE(isNoted(chosen, "software"));
    }

    TEST_CASE("auto falls back where no device takes the size and names each with its reason") {
        EmulatedV4l2 system = machineWith({"bcm2835-codec", "coda"});
        const Settings settings = choosing({.kind = Kind::Automatic});
        const ChosenEncoder chosen = openEncoder(settings, configFor(settings, {4096, 2304}), system);
        CHECK(chosen.encoder->capabilities().name == "libx264");
        CHECK(isNoted(chosen, system.nodes().at(0)));
        CHECK(isNoted(chosen, system.nodes().at(1)));
        CHECK(isNoted(chosen, "--encoder auto: software"));
    }

    TEST_CASE("v4l2 without a device that will do is refused with what was tried") {
        NoDevices none;
        const std::string alone = refusal(choosing({.kind = Kind::V4l2}), none);
        CHECK(alone.find("--encoder software") != std::string::npos);
        EmulatedV4l2 system = machineWith({"bcm2835-codec", "vicodec"});
        const std::string tried = refusal(choosing({.kind = Kind::V4l2}, Codec::Hevc), system);
        CHECK(tried.find(system.nodes().at(0)) != std::string::npos);
        CHECK(tried.find(system.nodes().at(1)) != std::string::npos);
        CHECK(tried.find("hevc") != std::string::npos);
    }

    TEST_CASE("a device that is named is taken and no other") {
        EmulatedV4l2 system = machineWith({"bcm2835-codec", "venus"});
        const std::string node = system.nodes().at(1);
        const Settings settings = choosing({.kind = Kind::V4l2, .device = node});
        const ChosenEncoder chosen = openEncoder(settings, configFor(settings), system);
        CHECK(chosen.encoder->capabilities().name.find(node) != std::string::npos);
        CHECK(isNoted(chosen, "regions of interest"));
        const std::string missing = refusal(choosing({.kind = Kind::V4l2, .device = "/dev/video99"}), system);
        CHECK(missing.find("/dev/video99") != std::string::npos);
    }

    TEST_CASE("how regions of interest are carried is said where they are wanted") {
        struct Expected {
            const char* device;
            const char* regions;
        };
        for (const Expected& expected : {Expected{"iris", "QP map"}, Expected{"vsi", "8 rectangles"}}) {
            EmulatedV4l2 system = machineWith({expected.device});
            Settings settings = choosing({.kind = Kind::V4l2});
            CHECK(isNoted(openEncoder(settings, configFor(settings), system),
                          std::string("regions of interest: ") + expected.regions));
            settings.smart.roi = false;
            CHECK_FALSE(isNoted(openEncoder(settings, configFor(settings), system), "regions of interest: "));
        }
    }

    TEST_CASE("look-ahead that a device does not have is said") {
        EmulatedV4l2 system = machineWith({"venus"});
        Settings settings = choosing({.kind = Kind::V4l2});
        settings.lookaheadFrames = 20;
        CHECK(isNoted(openEncoder(settings, configFor(settings), system), "--lookahead 20"));
        settings.lookaheadFrames = 0;
        CHECK_FALSE(isNoted(openEncoder(settings, configFor(settings), system), "--lookahead"));
    }
}
