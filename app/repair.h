#pragma once

#include <string>

#include "app/signals.h"

namespace smartcodec {

struct RepairSettings {
    std::string input = {};
    std::string output = {};  ///< empty: the input is replaced
    bool overwrite = false;
};

/// Makes an ordinary MP4 of one that a recording left, and prints what it holds. Returns the program's exit status;
/// throws where there is nothing to be repaired. A signal ends the program, the file as it was.
int runRepair(const RepairSettings& settings, StopSignals& signals);

}  // namespace smartcodec
