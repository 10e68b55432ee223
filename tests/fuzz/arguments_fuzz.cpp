// The command line, one argument per line: there are settings within their limits, or one line that says what is wrong.

#include <string>
#include <variant>
#include <vector>

#include "app/options.h"
#include "capture/limits.h"
#include "tests/fuzz/fuzz_support.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

void check(const Settings& settings) {
    expect(!settings.output.empty(), "a recording has an output");
    expect(settings.syncInterval >= 100ms && settings.syncInterval <= 1h, "syncs are within limits");
    expect(settings.minFrameRate >= 0.1 && settings.minFrameRate <= 240, "the lowest rate is within limits");
    expect(settings.maxGop >= 100ms && settings.maxGop <= 1h, "the longest GOP is within limits");
    expect(settings.quality >= 1 && settings.quality <= 51, "the quality is within limits");
    expect(settings.levels.back() == settings.maxBitrate, "the highest level is the cap");
    if (const auto* scene = std::get_if<SceneConfig>(&settings.source))
        expect(recordable(scene->size) && scene->frameRate.known(), "the scene can be drawn");
    expect(!settings.events || settings.segments, "events are segments");
    if (const auto& events = settings.events)
        expect(events->preRoll >= 0s && events->preRoll <= 5min && events->postRoll >= 1s && events->postRoll <= 1h,
               "what is recorded around events is within limits");
    if (!settings.segments)
        return;
    const SegmentSettings& segments = *settings.segments;
    expect(segments.length || segments.bytes || settings.events, "segments end some time");
    expect(!segments.length || (*segments.length >= 1s && *segments.length <= 24h * 31), "segments have a length");
    expect(!segments.bytes || *segments.bytes >= 100'000, "segments have a size");
    expect(!segments.keep.age || *segments.keep.age >= 1s, "segments may grow old");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::string> lines = linesOf(asText(data, size));
    std::vector<const char*> arguments{"smartcodec"};
    for (const std::string& line : lines) {
        if (line.find("--config") != std::string::npos)
            return 0;  // reads what is on this machine
        arguments.push_back(line.c_str());
    }
    arguments.push_back(nullptr);
    try {
        const CommandLine commandLine = parseCommandLine(static_cast<int>(arguments.size()) - 1, arguments.data());
        if (commandLine.action == CommandLine::Action::Record)
            check(commandLine.settings);
    } catch (const UsageError& error) {
        const std::string message = error.what();
        expect(!message.empty() && message.find('\n') == std::string::npos, "a message is one line", message);
    }
    return 0;
}
