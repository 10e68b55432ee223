#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "capture/status.h"

namespace smartcodec {

struct RepairConfig {
    std::string input = {};
    std::string output = {};  ///< may be the input, which is replaced then
    bool overwrite = false;
    std::function<bool()> stopped = {};  ///< asked after every packet; true: nothing is to be changed. Empty: never
};

struct RepairedFile {
    std::uint64_t pictures = 0;
    std::chrono::nanoseconds duration{0};
    bool cutShort = false;  ///< what came last was not whole, and is left out
};

/// Makes of an MP4 as recordings leave it, finished or in fragments, and cut off anywhere, an ordinary one that begins
/// with its index. Pictures and sound are copied as they are, with their times. It is written beside the output,
/// synced, and then takes its name: whatever happens, the file of that name is the old or the new one, and whole.
///
/// Throws std::runtime_error if nothing can be done: no such file, no picture in it, still being recorded, an output
/// that exists. Fails, and leaves everything as it was, if there is no room, the disk refuses, or `stopped` says so.
Status repairMp4(const RepairConfig& config, RepairedFile& result);

}  // namespace smartcodec
