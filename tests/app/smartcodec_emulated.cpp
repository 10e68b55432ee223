// smartcodec on a machine with emulated V4L2 encoders instead of its own. `--encoder emulated:NAME` records through the
// one of that name, `--encoder emulated:NAME,die=N,die=M` through one that dies (EIO) when it is given its pictures N
// and M, each time to be well again when it was opened anew; everything else is as in smartcodec itself, `devices` and
// `--encoder auto` included, which find all of them.
#include <linux/videodev2.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/devices.h"
#include "app/log.h"
#include "app/options.h"
#include "app/print.h"
#include "app/recorder.h"
#include "app/signals.h"
#include "tests/support/emulated_v4l2.h"
#include "tests/support/forwarding_v4l2.h"

using namespace smartcodec;

namespace {

constexpr std::string_view kEmulated = "emulated:";

constexpr std::string_view kDies = ",die=";

/// What is behind "emulated:" in an argument "emulated:NAME,die=N" or "--encoder=emulated:NAME,die=N".
struct Wanted {
    std::string name;
    std::vector<int> diesAt;
};
std::optional<Wanted> wantedDevice(std::string_view argument) {
    if (const auto value = argument.find('='); argument.starts_with("--encoder=") && value != argument.npos)
        argument.remove_prefix(value + 1);
    if (!argument.starts_with(kEmulated))
        return std::nullopt;
    argument.remove_prefix(kEmulated.size());
    auto dies = argument.find(kDies);
    Wanted wanted{.name = std::string(argument.substr(0, dies)), .diesAt = {}};
    for (; dies != argument.npos; dies = argument.find(kDies, dies + 1))
        wanted.diesAt.push_back(std::stoi(std::string(argument.substr(dies + kDies.size()))));
    return wanted;
}

/// Dies when a picture is queued that has one of these numbers, counted from 1 and over all openings.
class Mortal final : public test::ForwardingV4l2 {
  public:
    Mortal(EmulatedV4l2& device, std::vector<int> diesAt)
        : ForwardingV4l2(device), device_(device), diesAt_(std::move(diesAt)) {}

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        const bool picture =
            request == VIDIOC_QBUF && V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type);
        if (picture && std::ranges::find(diesAt_, ++pictures_) != diesAt_.end())
            device_.die(EIO);
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }

  private:
    EmulatedV4l2& device_;
    std::vector<int> diesAt_;
    int pictures_ = 0;
};

int run(const std::vector<std::string>& arguments, V4l2System& system, StopSignals& signals) {
    std::vector<const char*> raw;
    for (const std::string& argument : arguments)
        raw.push_back(argument.c_str());
    const CommandLine commandLine = parseCommandLine(static_cast<int>(raw.size()), raw.data());
    if (commandLine.action == CommandLine::Action::Record)
        return runRecorder(commandLine, signals, {.openSource = {}, .openEncoder = {}, .v4l2 = &system});
    const EndAtOnce onSignal(signals);
    print(commandLine.action == CommandLine::Action::ListDevices ? listDevices(commandLine.devices, system, nullptr)
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
        std::vector<int> diesAt;
        for (std::string& argument : arguments) {
            if (const auto wanted = wantedDevice(argument)) {
                diesAt = wanted->diesAt;
                one.emplace(v4l2Personality(wanted->name));
                argument.replace(argument.find(kEmulated), std::string::npos, "v4l2:" + one->nodes().front());
            }
        }
        if (one) {
            Mortal mortal(*one, diesAt);
            return run(arguments, mortal, signals);
        }
        EmulatedV4l2 all(v4l2Personalities());
        return run(arguments, all, signals);
    } catch (const std::exception& error) {
        spdlog::error(error.what());
        return 2;
    }
}
