#include "tests/soak/process_sample.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace smartcodec::test {

namespace {

std::uint64_t entriesOf(const std::string& folder) {
    std::error_code gone;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone))
        ++count;
    return count;
}

/// User and system time, the 14th and 15th field of `stat`; the second one is a name in brackets.
double processorSeconds(const std::string& folder) {
    std::ifstream file(folder + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessSample sampleProcess(pid_t process) {
    const std::string folder = "/proc/" + std::to_string(process);
    ProcessSample sample;
    std::ifstream status(folder + "/status");
    for (std::string key; status >> key;) {
        if (key == "VmRSS:")
            status >> sample.residentKilobytes;
        else if (key == "Threads:")
            status >> sample.threads;
        status.ignore(1 << 12, '\n');
    }
    sample.descriptors = entriesOf(folder + "/fd");
    sample.processorSeconds = processorSeconds(folder);
    return sample;
}

}  // namespace smartcodec::test
