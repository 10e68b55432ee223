#include "app/progress_line.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace smartcodec {

namespace {

// Start of line; rest of line wiped. Every terminal but "dumb" knows them.
constexpr const char* kWipe = "\r\033[K";

bool canRewriteLines() {
    const char* terminal = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && terminal && std::string_view(terminal) != "dumb";
}

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

ProgressLine::ProgressLine() : enabled_(canRewriteLines()) {}

void ProgressLine::show(const Progress& progress) {
    if (!enabled_)
        return;
    std::string line = fmt::format("{:.1f} s", seconds(progress.sourceTime));
    if (progress.duration && progress.duration->count() > 0)
        line += fmt::format(" of {:.1f} s ({:.0f} %)", seconds(*progress.duration),
                            std::min(100.0, 100 * seconds(progress.sourceTime) / seconds(*progress.duration)));
    const double wall = seconds(std::chrono::steady_clock::now() - start_);
    line += fmt::format(", {} frames at {:.0f}/s, {} recorded, {:.0f} KB", progress.framesIn,
                        wall > 0 ? static_cast<double>(progress.framesIn) / wall : 0.0, progress.framesRecorded,
                        static_cast<double>(progress.bytes) / 1000);
    std::fprintf(stderr, "%s%s", kWipe, line.c_str());
    std::fflush(stderr);
    shown_ = true;
}

void ProgressLine::clear() {
    if (shown_)
        std::fputs(kWipe, stderr);
    shown_ = false;
}

}  // namespace smartcodec
