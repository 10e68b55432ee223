// The configuration file: whatever is in it, there are settings or one line that says what is wrong.

#include <array>
#include <string>

#include "app/options.h"
#include "tests/fuzz/fuzz_support.h"

using namespace smartcodec;
using namespace smartcodec::test;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    const std::string path = file.path();
    const std::array arguments{"smartcodec", "--config", path.c_str()};
    try {
        const CommandLine commandLine = parseCommandLine(static_cast<int>(arguments.size()), arguments.data());
        expect(commandLine.action != CommandLine::Action::Record || !commandLine.settings.output.empty(),
               "a recording has an output");
        expect(commandLine.settings.output.find('\0') == std::string::npos, "the output is what the system sees");
    } catch (const UsageError& error) {
        const std::string message = error.what();
        expect(!message.empty() && message.find('\n') == std::string::npos, "a message is one line", message);
    }
    return 0;
}
