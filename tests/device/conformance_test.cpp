// What any stateful encoder must do, asked of the kernel's.

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tests/app/program.h"
#include "tests/device/kernel_devices.h"

namespace smartcodec::test {
namespace {

TEST_SUITE("encoder") {
    TEST_CASE("vicodec does with the client what any encoder must do") {
        for (const bool multiplanar : {false, true}) {
            CAPTURE(multiplanar);
            const Vicodec vicodec(multiplanar);
            KernelLog log;
            REQUIRE(setenv("SMARTCODEC_TEST_ENCODER", vicodec.node().c_str(), 1) == 0);
            const ProgramResult result =
                runProgram({"--test-suite=device", "--no-colors"}, {.binary = SMARTCODEC_ENCODER_TESTS});
            CHECK_MESSAGE(result.exitStatus == 0, result.output << result.errors);
            // nothing was left out
            CHECK_MESSAGE(result.output.find("2 passed | 0 failed") != std::string::npos, result.output);
            CHECK_MESSAGE(result.output.find("import is not looked at") == std::string::npos, result.output);
            for (const std::string& complaint : log.complaints())
                FAIL_CHECK("the kernel says: " << complaint);
        }
    }
}

}  // namespace
}  // namespace smartcodec::test
