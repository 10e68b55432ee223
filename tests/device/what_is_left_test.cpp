// What recordings leave behind in their process and in the kernel.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/app/fakes.h"
#include "tests/device/camera_recording.h"
#include "tests/device/kernel_devices.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {
namespace {

/// Descriptors and mappings of this process, and the kernel's dmabufs.
struct Holdings {
    long descriptors = 0;
    long mappings = 0;
    long dmabufs = 0;
};

long linesOf(const std::string& path, const std::string& part = "") {
    std::ifstream file(path);
    long lines = 0;
    for (std::string line; std::getline(file, line);)
        lines += line.find(part) != std::string::npos ? 1 : 0;
    return lines;
}

Holdings holdings() {
    Holdings now;
    now.descriptors = static_cast<long>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
    for (const char* memory : {"/dev/video", "dmabuf"})
        now.mappings += linesOf("/proc/self/maps", memory);
    now.dmabufs = linesOf("/sys/kernel/debug/dma_buf/bufinfo", "exp_name") > 0
                      ? linesOf("/sys/kernel/debug/dma_buf/bufinfo")
                      : -1;
    return now;
}

}  // namespace

TEST_SUITE("last") {
    TEST_CASE("twenty recordings in one process leave no descriptor and no mapping and no dmabuf") {
        const Vicodec vicodec({}, Vicodec::Use::Alone);  // the dmabufs are those of the machine
        static_cast<void>(std::system("mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null"));
        const TemporaryFolder folder;
        const auto once = [&](bool toDevice) {
            Settings settings = fwhtSettings(folder, camera(kLargeSize, {kBgr888, kRgb888}), 4);
            if (!toDevice) {
                settings = settingsFor(folder, "out.mp4", 4);
                settings.source = camera(kSensorSize);
            }
            const RecordingSummary summary = record(settings);
            CHECK(summary.failure == "");
            CHECK(summary.framesRecorded > 0);
        };
        once(true);  // what libraries keep for the rest of the process
        once(false);
        const Holdings before = holdings();
        CHECK(before.dmabufs >= 0);
        for (int i = 0; i < 20; ++i)
            once(i % 4 == 0);
        const Holdings after = holdings();
        CHECK(after.descriptors == before.descriptors);
        CHECK(after.mappings == before.mappings);
        CHECK(after.dmabufs == before.dmabufs);
    }
}
}  // namespace smartcodec::test
