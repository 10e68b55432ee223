#include "app/options.h"

#include <doctest/doctest.h>

#include <fstream>
#include <initializer_list>
#include <vector>

#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using test::TemporaryFolder;

namespace {

CommandLine parse(std::initializer_list<std::string> arguments) {
    const std::vector<std::string> owned(arguments);
    std::vector<const char*> raw{"smartcodec"};
    for (const std::string& argument : owned)
        raw.push_back(argument.c_str());
    return parseCommandLine(static_cast<int>(raw.size()), raw.data());
}

/// The message that the command line is refused with; empty if it is taken.
std::string refusal(std::initializer_list<std::string> arguments) {
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

std::string writeConfig(const TemporaryFolder& folder, const std::string& text) {
    const std::string path = folder / "settings.toml";
    std::ofstream(path) << text;
    return path;
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
        CHECK(line.automaticEncoder);
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

    TEST_CASE("help is long only since h is the height") {
        CHECK(contains(parse({"--help"}).text, "--min-fps"));
        CHECK(contains(parse({"--help"}).text, "corridor"));
        CHECK(contains(refusal({"-h"}), "--height"));
        CHECK(contains(parse({"--version"}).text, "smartcodec"));
        CHECK(parse({"devices"}).action == CommandLine::Action::ListDevices);
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

    TEST_CASE("what this build has not is said") {
        CHECK(contains(refusal({"-o", "x"}), "no camera support"));
        CHECK(contains(refusal({"--camera", "0", "-o", "x"}), "no camera support"));
        CHECK(contains(refusal({"--scene", "-o", "x", "--encoder", "v4l2:/dev/video11"}), "no V4L2"));
    }

    TEST_CASE("the configuration file gives options and the command line wins") {
        const TemporaryFolder folder;
        const std::string path = writeConfig(folder,
                                             "# a comment\n"
                                             "scene = \"night\"\n"
                                             "output = \"from file.mp4\"\n"
                                             "quality = 30  # coarser\n"
                                             "smart = [\"gop\", \"roi\"]\n"
                                             "overwrite = true\n"
                                             "max-gop = 2.5\n");
        const Settings settings = parse({"--config", path, "--quality", "20"}).settings;
        CHECK(std::get<SceneConfig>(settings.source).script == "night");
        CHECK(settings.output == "from file.mp4");
        CHECK(settings.quality == 20);
        CHECK(settings.smart.gop);
        CHECK_FALSE(settings.smart.frameRate);
        CHECK(settings.overwrite);
        CHECK(settings.maxGop == std::chrono::milliseconds(2500));
    }

    TEST_CASE("an unknown key is refused with its file") {
        const TemporaryFolder folder;
        const std::string path = writeConfig(folder, "qualty = 30\n");
        const std::string message = refusal({"--config", path, "--scene", "-o", "x"});
        CHECK(contains(message, path));
        CHECK(contains(message, "'qualty'"));
    }

    TEST_CASE("what the configuration file cannot say is refused") {
        const TemporaryFolder folder;
        CHECK(contains(refusal({"--config", writeConfig(folder, "[video]\nquality = 3\n")}), "[video]"));
        CHECK(contains(refusal({"--config", writeConfig(folder, "output = \"a#b.mp4\"\n")}), "'#'"));
        CHECK(contains(refusal({"--config", writeConfig(folder, "quality = 99\nscene=true\noutput=\"x\"")}), "51"));
        CHECK(contains(refusal({"--config", folder / "missing.toml"}), "missing.toml"));
    }
}
