// smartcodec whose scene has every frame's number written into the picture; everything else is as in smartcodec itself.

#include <spdlog/spdlog.h>

#include <exception>
#include <variant>

#include "app/log.h"
#include "app/options.h"
#include "app/print.h"
#include "app/recorder.h"
#include "app/signals.h"

using namespace smartcodec;

int main(int argc, char** argv) {
    try {
        setUpLog();
        StopSignals signals;
        CommandLine commandLine = parseCommandLine(argc, argv);
        if (commandLine.action != CommandLine::Action::Record) {
            print(commandLine.text);
            return 0;
        }
        if (auto* scene = std::get_if<SceneConfig>(&commandLine.settings.source))
            scene->frameNumber = true;
        return runRecorder(commandLine, signals);
    } catch (const std::exception& error) {
        spdlog::error(error.what());
        return 2;
    }
}
