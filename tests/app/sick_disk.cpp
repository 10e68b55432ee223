// Part of a smartcodec whose disk stops answering: SMARTCODEC_SICK_FOLDER is where, SMARTCODEC_SICK_CHANGES how many
// changes it still makes, and a minute later it is well again.
#include <chrono>
#include <cstdlib>
#include <optional>

#include "tests/app/small_disk.h"

namespace {

std::optional<smartcodec::test::SickDisk> fromEnvironment() {
    const char* folder = std::getenv("SMARTCODEC_SICK_FOLDER");
    const char* changes = std::getenv("SMARTCODEC_SICK_CHANGES");
    if (!folder || !changes)
        return std::nullopt;
    return std::optional<smartcodec::test::SickDisk>(
        std::in_place, folder,
        smartcodec::test::SickDisk::Course{
            .well = std::atoi(changes), .lasting = std::chrono::minutes(1), .error = 0, .partly = false});
}

const std::optional<smartcodec::test::SickDisk> sickDisk = fromEnvironment();

}  // namespace
