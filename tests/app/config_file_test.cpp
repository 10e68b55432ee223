#include <doctest/doctest.h>

#include <fstream>
#include <initializer_list>
#include <vector>

#include "app/options.h"
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
        // what CLI11 before 2.4 takes for a comment is refused, or it is what it should be
        const std::string sharp = writeConfig(folder, "output = \"a#b.mp4\"\n");
        const std::string refused = refusal({"--config", sharp});
        CHECK((refused.empty() ? parse({"--config", sharp}).settings.output == "a#b.mp4" : contains(refused, "'#'")));
        CHECK(contains(refusal({"--config", writeConfig(folder, "quality = 99\nscene=true\noutput=\"x\"")}), "51"));
        CHECK(contains(refusal({"--config", folder / "missing.toml"}), "missing.toml"));
        CHECK(contains(refusal({"--config", writeConfig(folder, std::string("output = \"a\0b.mp4\"\n", 19))}),
                       "settings.toml: there is a zero byte in it"));
    }

    TEST_CASE("a bad value is refused with its file and key") {
        const TemporaryFolder folder;
        const auto refused = [&](const std::string& text) {
            return refusal({"--config", writeConfig(folder, text), "--scene", "-o", "x"});
        };
        const std::string path = folder / "settings.toml";
        CHECK(refused("quality = 99\n") == path + ": quality 99: give a whole number from 1 to 51");
        CHECK(contains(refused("width = 641\n"), path + ": width 641: give an even number"));
        CHECK(contains(refused("smart = [\"gop\", \"motion\"]\n"), path + ": smart motion: give all, off"));
        CHECK(contains(refused("levels = [\"1M\", \"2M\"]\n"), path + ": levels 1M,2M: give four"));
        CHECK(contains(refused("overwrite = maybe\n"), path + ": overwrite maybe: give true or false"));
        CHECK(contains(refused("quality = [20, 30]\n"), path + ": quality 20 30: give one value"));
        CHECK(contains(refused("encoder = \"v4l3\"\n"), path + ": encoder v4l3: give auto"));
    }

    TEST_CASE("a value of the command line is refused without the file") {
        const TemporaryFolder folder;
        const std::string path = writeConfig(folder, "quality = 20\n");
        CHECK(refusal({"--config", path, "--scene", "-o", "x", "--quality", "99"}) ==
              "--quality 99: give a whole number from 1 to 51");
    }

    TEST_CASE("a key that is given twice is refused with its file") {
        const TemporaryFolder folder;
        const std::string path = folder / "settings.toml";
        for (const std::string text : {"quality = 20\nquality = 30\n", "quality = 20\ncodec = \"hevc\"\nquality = 30\n",
                                       "quality=20\n  \"quality\" = 30 # again\n"}) {
            CAPTURE(text);
            CHECK(refusal({"--config", writeConfig(folder, text), "--scene", "-o", "x"}) ==
                  path + ": quality: give it once");
        }
        CHECK(refusal({"--config", writeConfig(folder, "smart = \"gop\"\nsmart = \"roi\"\n"), "--scene", "-o", "x"}) ==
              path + ": smart: give it once");
        CHECK(refusal({"--config", writeConfig(folder, "quality = 20  # not quality = 30\n# quality = 30\n"), "--scene",
                       "-o", "x"}) == "");
    }
}
