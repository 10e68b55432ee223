#include <spdlog/spdlog.h>

#include <exception>

#include "app/devices.h"
#include "app/log.h"
#include "app/options.h"
#include "app/print.h"
#include "app/recorder.h"
#include "app/repair.h"
#include "app/signals.h"
#include "capture/libcamera_system.h"

using namespace smartcodec;

namespace {

constexpr int kNothingStarted = 2;

int run(const CommandLine& commandLine, StopSignals& signals) {
    switch (commandLine.action) {
        case CommandLine::Action::Print:
            print(commandLine.text);
            return 0;
        case CommandLine::Action::ListDevices: {
            const EndAtOnce onSignal(signals);
            print(listDevices(commandLine.devices, v4l2System(), &libcameraSystem()));
            return 0;
        }
        case CommandLine::Action::Repair:
            return runRepair(commandLine.repair, signals);
        case CommandLine::Action::Record:
            return runRecorder(commandLine, signals);
    }
    return kNothingStarted;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        setUpLog();
        StopSignals signals;
        return run(parseCommandLine(argc, argv), signals);
    } catch (const std::exception& error) {
        spdlog::error(error.what());
        return kNothingStarted;
    }
}
