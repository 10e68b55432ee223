#include "app/options.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace smartcodec;

namespace {

CommandLine parse(const std::vector<std::string>& arguments) {
    const std::vector<std::string> owned(arguments);
    std::vector<const char*> raw{"smartcodec"};
    for (const std::string& argument : owned)
        raw.push_back(argument.c_str());
    return parseCommandLine(static_cast<int>(raw.size()), raw.data());
}

/// The message that the command line is refused with; empty if it is taken.
std::string refusal(const std::vector<std::string>& arguments) {
    try {
        (void)parse(arguments);
        return {};
    } catch (const UsageError& error) {
        return error.what();
    }
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a file and an output are enough") {
        const CommandLine line = parse({"-i", "street.mp4", "-o", "video.mp4"});
        CHECK(line.action == CommandLine::Action::Record);
        CHECK(std::get<FileSourceConfig>(line.settings.source).path == "street.mp4");
        CHECK(line.settings.output == "video.mp4");
        CHECK(line.settings.quality == 23);
        CHECK(line.settings.maxBitrate.bitsPerSecond == 6'000'000);
        CHECK(line.settings.minFrameRate == 1);
        CHECK(line.settings.maxGop == std::chrono::seconds(10));
        CHECK(line.settings.smart == SmartFunctions{});
        CHECK(line.settings.encoder.kind == EncoderChoice::Kind::Automatic);
        CHECK_FALSE(line.settings.overwrite);
    }

    TEST_CASE("the scene has a default script and size") {
        const auto scene = std::get<SceneConfig>(parse({"--scene", "-o", "video.mp4"}).settings.source);
        CHECK(scene.script == "corridor");
        CHECK(scene.size == Size{1920, 1080});
        CHECK(scene.frameRate == FrameRate{30, 1});
    }

    TEST_CASE("the scene takes a script and a size and noise") {
        const auto scene =
            std::get<SceneConfig>(parse({"--scene", "night", "-w", "640", "-h", "360", "--fps", "29.97", "--seed", "7",
                                         "--shot-noise", "0.5", "--read-noise", "2", "-o", "video.mp4"})
                                      .settings.source);
        CHECK(scene.script == "night");
        CHECK(scene.size == Size{640, 360});
        CHECK(scene.frameRate == FrameRate{30000, 1001});
        CHECK(scene.seed == 7);
        CHECK(scene.shotNoise == 0.5);
        CHECK(scene.readNoise == 2);
    }

    TEST_CASE("one side of the scene brings the other") {
        CHECK(std::get<SceneConfig>(parse({"--scene", "-h", "720", "-o", "x"}).settings.source).size ==
              Size{1280, 720});
    }

    TEST_CASE("a profile sets the bounds and an option overrides one of them") {
        const Settings live = parse({"--scene", "-o", "x", "--profile", "live"}).settings;
        CHECK(live.minFrameRate == 2);
        CHECK(live.maxGop == std::chrono::seconds(4));
        const Settings nvr = parse({"--scene", "-o", "x", "--profile", "nvr", "--min-fps", "3"}).settings;
        CHECK(nvr.minFrameRate == 3);
        CHECK(nvr.maxGop == std::chrono::seconds(2));
    }

    TEST_CASE("levels follow the cap unless they are given") {
        const Settings capped = parse({"--scene", "-o", "x", "--max-bitrate", "2.8M"}).settings;
        CHECK(capped.levels == defaultLevels({2'800'000}));
        const Settings given = parse({"--scene", "-o", "x", "--levels", "100k,200k,300k,4M"}).settings;
        CHECK(given.levels[0].bitsPerSecond == 100'000);
        CHECK(given.maxBitrate.bitsPerSecond == 4'000'000);
    }

    TEST_CASE("smart functions can be listed") {
        CHECK(parse({"--scene", "-o", "x", "--smart", "off"}).settings.smart == SmartFunctions::none());
        const SmartFunctions two = parse({"--scene", "-o", "x", "--smart", "framerate,roi"}).settings.smart;
        CHECK(two.frameRate);
        CHECK(two.roi);
        CHECK_FALSE(two.gop);
        CHECK_FALSE(two.bitrate);
        CHECK_FALSE(two.stabilize);
    }

    TEST_CASE("an encoder is chosen by its kind or its device") {
        using Kind = EncoderChoice::Kind;
        const auto chosen = [](const std::string& value) {
            return parse({"--scene", "-o", "x", "--encoder", value}).settings.encoder;
        };
        CHECK(chosen("auto") == EncoderChoice{.kind = Kind::Automatic});
        CHECK(chosen("software") == EncoderChoice{.kind = Kind::Software});
        CHECK(chosen("v4l2") == EncoderChoice{.kind = Kind::V4l2});
        CHECK(chosen("v4l2:/dev/video11") == EncoderChoice{.kind = Kind::V4l2, .device = "/dev/video11"});
        for (const std::string value : {"", "v4l2:", "V4L2", "/dev/video11", "emulated:venus"}) {
            CAPTURE(value);
            const std::string message = refusal({"--scene", "-o", "x", "--encoder", value});
            CHECK(contains(message, "give auto, software, v4l2 or v4l2:/dev/videoN"));
        }
    }

    TEST_CASE("help is long only since h is the height") {
        CHECK(contains(parse({"--help"}).text, "--min-fps"));
        CHECK(contains(parse({"--help"}).text, "corridor"));
        CHECK(contains(refusal({"-h"}), "--height"));
        CHECK(contains(parse({"--version"}).text, "smartcodec"));
        CHECK(contains(parse({"devices", "--help"}).text, "--probe"));
    }

    TEST_CASE("devices are listed as asked") {
        const CommandLine plain = parse({"devices"});
        CHECK(plain.action == CommandLine::Action::ListDevices);
        CHECK_FALSE(plain.devices.probe);
        CHECK_FALSE(plain.devices.json);
        CHECK(parse({"devices", "--probe"}).devices.probe);
        CHECK(parse({"devices", "--json"}).devices.json);
        CHECK(contains(refusal({"devices", "--tpyo"}), "devices --tpyo: unknown option"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--probe"}), "--probe: unknown option"));
    }

    TEST_CASE("a refusal names the option and the value and what is allowed") {
        CHECK(refusal({"--scene", "-o", "x", "--quality", "52"}) == "--quality 52: give a whole number from 1 to 51");
        CHECK(contains(refusal({"--scene", "-o", "x", "--min-fps", "0"}), "--min-fps 0: give frames per second from"));
        CHECK(contains(refusal({"--scene", "-o", "x", "-w", "-640"}), "--width -640"));
        CHECK(contains(refusal({"--scene", "-o", "x", "-w", "641"}), "even"));
        CHECK(contains(refusal({"--scene", "-o", "x", "-w", "8194"}), "from 16 to 8192"));
        CHECK(contains(refusal({"--scene", "-o", "x", "-w", "8192", "-h", "8192"}), "8192x8192"));
        CHECK(contains(refusal({"--scene", "-o", "x", "-w", "16"}), "16x8"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--max-bitrate", "6X"}), "--max-bitrate 6X"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--smart", "motion"}), "--smart motion"));
        CHECK(contains(refusal({"--scene", "nowhere", "-o", "x"}), "corridor"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--levels", "1M,2M"}), "--levels 1M,2M"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--levels", "4M,3M,2M,1M"}), "rising"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--levels", "1M,2M,3M,4M", "--max-bitrate", "5M"}), "5M"));
        CHECK(contains(refusal({"-i", "a", "-o", "x", "--fps", "25"}), "--fps 25"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--bogus"}), "--bogus: unknown option"));
        CHECK(contains(refusal({"street.mp4"}), "street.mp4"));
        CHECK(contains(refusal({"--scene"}), "-o FILE"));
        CHECK(contains(refusal({"--scene", "-i", "a", "-o", "x"}), "one of them"));
        CHECK(contains(refusal({"--scene", "-o", "a", "-o", "b"}), "--output: give it once"));
    }

    TEST_CASE("a camera is the source where no other is given") {
        const auto camera = [](std::vector<std::string> arguments) {
            arguments.insert(arguments.end(), {"-o", "x.mp4"});
            return std::get<CameraConfig>(parse(arguments).settings.source);
        };
        CHECK(camera({}).camera.empty());
        CHECK(camera({"--camera"}).camera.empty());
        CHECK(camera({"--camera", "1"}).camera == "1");
        const CameraConfig turned = camera({"-w", "640", "--fps", "25", "--rotate", "180", "--hflip",
                                            "--camera-control", "AeEnable=false", "--camera-control", "Contrast=1.5"});
        CHECK(turned.width == 640);
        CHECK(!turned.height);
        CHECK(turned.frameRate == FrameRate{25, 1});
        CHECK(turned.orientation == CameraOrientation{.halfTurn = true, .mirror = true, .flip = false});
        REQUIRE(turned.settings.size() == 2);
        CHECK(turned.settings[1].name == "Contrast");
        CHECK(turned.settings[1].value == "1.5");
    }

    TEST_CASE("options of another source are refused") {
        CHECK(contains(refusal({"--camera", "0", "--scene", "-o", "x"}), "give one of them"));
        CHECK(contains(refusal({"--seed", "3", "-o", "x"}), "--seed 3: only with --scene"));
        CHECK(contains(refusal({"--realtime", "-o", "x"}), "--realtime: only with a file or --scene"));
        CHECK(contains(refusal({"-i", "a", "--rotate", "180", "-o", "x"}), "--rotate 180: only with a camera"));
        CHECK(contains(refusal({"--scene", "--vflip", "-o", "x"}), "--vflip: only with a camera"));
        CHECK(contains(refusal({"--rotate", "90", "-o", "x"}), "0 or 180"));
        CHECK(contains(refusal({"--camera-control", "Contrast", "-o", "x"}), "NAME=VALUE"));
    }
}
