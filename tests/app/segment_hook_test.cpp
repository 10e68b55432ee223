#include "app/segment_hook.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace std::chrono_literals;
using test::TemporaryFolder;

namespace {

using Words = std::vector<std::string>;
using Moment = std::chrono::steady_clock;

std::string textOf(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A program that writes each of its arguments on a line of `result`.
Words teller(const TemporaryFolder& folder, const std::string& result) {
    return {"sh", "-c", "printf '%s\\n' \"$@\" > \"$0\"", folder / result};
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a command is parted into words as by a shell and nothing else is done to it") {
        CHECK(commandWords("cp {} /mnt") == Words{"cp", "{}", "/mnt"});
        CHECK(commandWords("  a\t b\nc ") == Words{"a", "b", "c"});
        CHECK(commandWords("a 'b  c' \"d 'e'\" f'g'\"h\"") == Words{"a", "b  c", "d 'e'", "fgh"});
        CHECK(commandWords("a '' \"\"") == Words{"a", "", ""});
        CHECK(commandWords("a\\ b \"c\\\"d\" 'e\\f'") == Words{"a b", "c\"d", "e\\f"});
        CHECK(commandWords("a; rm $HOME * | b > c") == Words{"a;", "rm", "$HOME", "*", "|", "b", ">", "c"});
        for (const char* bad : {"", "  ", "a 'b", "a \"b"})
            CHECK_THROWS_AS((void)commandWords(bad), std::runtime_error);
    }

    TEST_CASE("a program that is not there is refused") {
        CHECK_NOTHROW(checkCommand({"sh"}));
        CHECK_NOTHROW(checkCommand({"/bin/sh"}));
        CHECK_THROWS_AS(checkCommand({"no-such-program-anywhere"}), std::runtime_error);
        CHECK_THROWS_AS(checkCommand({"/bin"}), std::runtime_error);
        CHECK_THROWS_AS(checkCommand({"/dev/null"}), std::runtime_error);
    }
}

TEST_SUITE("integration") {
    TEST_CASE("a command is run with the file in its place or else behind") {
        const TemporaryFolder folder;
        SegmentHook behind(teller(folder, "behind"));
        behind.run("a file; with $everything");
        behind.finish(10s);
        CHECK(behind.idle());
        CHECK(textOf(folder / "behind") == "a file; with $everything\n");

        Words words = teller(folder, "placed");
        words.insert(words.end(), {"{}", "x{}y{}", "end"});
        SegmentHook placed(words);
        placed.run("f{}");
        placed.finish(10s);
        CHECK(textOf(folder / "placed") == "f{}\nxf{}yf{}\nend\n");
    }

    TEST_CASE("a command that fails or cannot be run or kills itself holds up nothing") {
        for (const Words& words : {Words{"false"}, Words{"/no/such/program"}, Words{"sh", "-c", "kill -9 $$"}}) {
            SegmentHook hook(words);
            hook.run("file");
            hook.finish(10s);
            CHECK(hook.idle());
        }
    }

    TEST_CASE("a command that hangs holds up nothing and four of them are enough") {
        const TemporaryFolder folder;
        const auto before = Moment::now();
        {
            // each says that it is there, and then waits for a file that never comes
            SegmentHook hook({"sh", "-c", "echo >> \"$0\"; exec sleep 5", folder / "started"});
            for (int i = 0; i < 20; ++i)
                hook.run("file");
            hook.attend();
            CHECK_FALSE(hook.idle());
            CHECK(hook.descriptors().size() == 4);
            hook.finish(300ms);
            CHECK_FALSE(hook.idle());
            CHECK(Moment::now() - before < 3s);
        }
        CHECK(textOf(folder / "started") == "\n\n\n\n");
    }

    TEST_CASE("commands that have to wait are run when others have ended") {
        const TemporaryFolder folder;
        SegmentHook hook({"sh", "-c", "sleep 0.05; echo \"$1\" >> \"$0\"", folder / "done"});
        for (int i = 0; i < 10; ++i)
            hook.run(std::to_string(i));
        hook.finish(20s);
        CHECK(hook.idle());
        CHECK(textOf(folder / "done").size() == 20);
    }
}
