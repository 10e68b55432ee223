// The index of segments: whatever a file of that name holds, it is read, made to agree with its folder, and written
// such that it is read again; or it is refused and left alone. Nothing outside the folder is touched.

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "app/segment_index.h"
#include "mux/segment_folder.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

constexpr const char* kSegments[] = {"a.mp4", "b.mp4", "day/c.mp4"};

WallTimes clocks() {
    return {[] { return ClockReading{WallTime(1'795'416'347s), CaptureTime(40'000s)}; }, false};
}

void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void checkLine(const std::string& line) {
    const auto record = fromLine(line);
    if (!record)
        return;
    const std::string written = toLine(*record);
    const auto again = fromLine(written);
    expect(again.has_value(), "what is written can be read", written);
    expect(toLine(*again) == written, "what is read is what was written", written);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    spdlog::set_level(spdlog::level::off);
    return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const TemporaryFolder place;
    const std::string text(asText(data, size));
    for (const std::string& line : linesOf(text))
        checkLine(line);

    const fs::path folder = place.path() / "rec";
    const fs::path outside = place.path() / "a.mp4";
    fs::create_directories(folder / "day");
    write(outside, "somebody else's");
    for (const char* name : kSegments)
        write(folder / name, "no video, and yet a segment");
    write(folder / SegmentIndex::kFileName, text);
    try {
        SegmentFolder opened(folder);
        SegmentIndex index(opened, clocks());
        (void)index.nextNumber();
        (void)index.retain({.age = 1h, .bytes = 40, .freeBytes = {}});
        const std::size_t count = index.segments().size();
        SegmentIndex again(opened, clocks());
        expect(again.segments().size() == count, "the next recorder finds the same", text);
    } catch (const std::runtime_error&) {
        expect(read(folder / SegmentIndex::kFileName) == text, "what is refused is left alone", text);
    }
    expect(read(outside) == "somebody else's", "nothing outside the folder is touched", text);
    fs::remove_all(folder);
    return 0;
}
