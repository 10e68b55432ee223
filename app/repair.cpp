#include "app/repair.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include "app/print.h"
#include "mux/mp4_repair.h"

namespace smartcodec {

int runRepair(const RepairSettings& settings, StopSignals& signals) {
    constexpr int kNotRepaired = 1;
    const std::string& output = settings.output.empty() ? settings.input : settings.output;
    int signal = 0;
    RepairedFile file;
    const Status status = repairMp4({.input = settings.input,
                                     .output = output,
                                     .overwrite = settings.overwrite,
                                     .stopped = [&] { return (signal = signals.take()) != 0; }},
                                    file);
    if (signal != 0)
        dieOf(signal);
    if (!status.ok()) {
        spdlog::error(status.message());
        return kNotRepaired;
    }
    print(fmt::format("{}: {} pictures, {:.3f} s{}\n", output, file.pictures,
                      std::chrono::duration<double>(file.duration).count(),
                      file.cutShort ? "; what came last was not whole and is left out" : ""));
    return 0;
}

}  // namespace smartcodec
