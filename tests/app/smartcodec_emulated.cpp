// smartcodec on a machine with emulated V4L2 encoders instead of its own. `--encoder emulated:NAME` records through the
// one of that name; everything else is as in smartcodec itself, `devices` and `--encoder auto` included, which find all
// of them.
#include <spdlog/spdlog.h>

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/devices.h"
#include "app/log.h"
#include "app/options.h"
#include "app/print.h"
#include "app/recorder.h"
#include "app/signals.h"
#include "tests/support/emulated_v4l2.h"

using namespace smartcodec;

namespace {

constexpr std::string_view kEmulated = "emulated:";

/// The name in an argument "emulated:NAME" or "--encoder=emulated:NAME".
std::optional<std::string> emulatedName(std::string_view argument) {
    if (const auto value = argument.find('='); argument.starts_with("--encoder=") && value != argument.npos)
        argument.remove_prefix(value + 1);
    if (!argument.starts_with(kEmulated))
        return std::nullopt;
    return std::string(argument.substr(kEmulated.size()));
}

int run(const std::vector<std::string>& arguments, V4l2System& system, StopSignals& signals) {
    std::vector<const char*> raw;
    for (const std::string& argument : arguments)
        raw.push_back(argument.c_str());
    const CommandLine commandLine = parseCommandLine(static_cast<int>(raw.size()), raw.data());
    if (commandLine.action == CommandLine::Action::Record)
        return runRecorder(commandLine, signals, {.openSource = {}, .openEncoder = {}, .v4l2 = &system});
    const EndAtOnce onSignal(signals);
    print(commandLine.action == CommandLine::Action::ListDevices ? listDevices(commandLine.devices, system)
                                                                 : commandLine.text);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        setUpLog();
        StopSignals signals;
        std::vector<std::string> arguments(argv, argv + argc);
        std::optional<EmulatedV4l2> one;
        for (std::string& argument : arguments) {
            if (const auto name = emulatedName(argument)) {
                one.emplace(v4l2Personality(*name));
                argument.replace(argument.find(kEmulated), std::string::npos, "v4l2:" + one->nodes().front());
            }
        }
        if (one)
            return run(arguments, *one, signals);
        EmulatedV4l2 all(v4l2Personalities());
        return run(arguments, all, signals);
    } catch (const std::exception& error) {
        spdlog::error(error.what());
        return 2;
    }
}
