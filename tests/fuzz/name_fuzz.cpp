// The pattern of segments' names: what is taken gives names inside the folder, at all times and for all numbers.

#include <chrono>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "mux/segment_folder.h"
#include "mux/segment_name.h"
#include "tests/fuzz/fuzz_support.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kMoments[] = {WallTime(0s), WallTime(946'684'799s), WallTime(1'795'416'347s),
                                 WallTime(253h * 24 * 365)};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    return ::setenv("TZ", "Europe/Berlin", 1);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string pattern(asText(data, size));
    if (pattern.find('\0') != std::string::npos) {  // the system would see the part before it
        expect(!SegmentFolder::isInside(pattern), "a zero byte is in no name");
        return 0;
    }
    try {
        const SegmentName name(pattern);
        expect(!name.folder().empty(), "there is a folder", pattern);
        const bool inside = SegmentFolder::isInside(name.name({}, 1));
        for (const WallTime moment : kMoments) {
            for (const std::uint64_t number : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()})
                expect(SegmentFolder::isInside(name.name(moment, number)) == inside, "one name is like another",
                       pattern);
            expect((name.name(moment, 1) != name.name(moment, 2)) == name.hasNumber(), "numbers make names", pattern);
        }
    } catch (const std::runtime_error& error) {
        expect(std::string(error.what()).find('%') != std::string::npos, "a refusal names the conversion", pattern);
    }
    return 0;
}
