#pragma once

#include <string>

#include "app/devices.h"
#include "app/repair.h"
#include "app/settings.h"
#include "app/values.h"

namespace smartcodec {

enum class SummaryFormat { Text, Json };

/// What the user asked for.
struct CommandLine {
    enum class Action { Record, ListDevices, Repair, Print };

    Action action = Action::Record;
    std::string text = {};  ///< to print: help or version
    Settings settings = {};
    DeviceListing devices = {};
    RepairSettings repair = {};
    SummaryFormat summary = SummaryFormat::Text;
};

/// Reads the command line and the configuration file that it may name; the command line wins. Throws UsageError, whose
/// text is one line that names the option, the value and what is allowed.
[[nodiscard]] CommandLine parseCommandLine(int argc, const char* const* argv);

}  // namespace smartcodec
