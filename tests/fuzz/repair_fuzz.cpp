// Repair: whatever the file holds, it becomes a file that can be repaired again to the same, or stays as it is; nothing
// is left beside it. In its place or elsewhere, by the number of bytes. The probe of recordings sees the same bytes.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "mux/mp4_repair.h"
#include "mux/recording_probe.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t filesIn(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

bool repair(const std::string& input, const std::string& output) {
    RepairedFile result;
    try {
        return repairMp4({.input = input, .output = output}, result).ok() && result.pictures > 0;
    } catch (const std::runtime_error& error) {
        expect(std::string(error.what()).find('\n') == std::string::npos, "a message is one line", error.what());
        return false;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const TemporaryFolder folder;
    const std::string input = folder / "in.mp4";
    const std::string output = size % 2 == 0 ? folder / "out.mp4" : input;
    const std::string bytes(asText(data, size));
    std::ofstream(input, std::ios::binary) << bytes;

    (void)probeRecording(input);
    const bool repaired = repair(input, output);
    expect(output == input ? repaired || read(input) == bytes : read(input) == bytes, "the recording stays as it was");
    expect(filesIn(folder.path()) == (repaired && output != input ? 2U : 1U), "nothing else is left");
    fs::remove(folder / "out.mp4");
    fs::remove(input);
    return 0;
}
