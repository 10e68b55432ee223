#include "app/segment_index.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/app/fake_clocks.h"
#include "tests/app/segment_list.h"
#include "tests/app/small_disk.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

using State = SegmentRecord::State;

/// A recorder's view of a folder, until it is gone.
struct Recorder {
    explicit Recorder(const TemporaryFolder& place, const FakeClocks& given = noon())
        : clocks(given), folder(place.path()), index(folder, WallTimes(clocks.reader(), true)) {}

    /// Enters a segment of so many bytes that ends now, an hour long.
    void record(const std::string& file, std::size_t bytes) {
        SegmentRecord record = start(file, bytes);
        finish(record, bytes);
    }
    SegmentRecord start(const std::string& file, std::size_t bytes) {
        SegmentRecord record;
        record.file = file;
        record.number = index.nextNumber();
        record.start = clocks.reader()().wall;
        record.boot = index.boot();
        index.begin(record);
        std::ofstream(folder.pathOf(file)) << std::string(bytes, 'x');
        return record;
    }
    void finish(SegmentRecord record, std::size_t bytes) {
        clocks.pass(1h);
        const ClockReading now = clocks.reader()();
        record.state = State::Finished;
        record.end = now.wall;
        record.bootEnd = now.boot;
        record.bytes = bytes;
        CHECK_FALSE(index.update(record));
    }
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const SegmentRecord& record : index.segments())
            names.push_back(record.file);
        return names;
    }

    FakeClocks clocks;
    SegmentFolder folder;
    SegmentIndex index;
};

std::string textOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void append(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an index line says all that is known of a segment") {
        SegmentRecord record;
        record.file = "a b/\"c\".mp4";
        record.number = 12;
        record.start = noon().reader()().wall + 123456us;
        CHECK(fromLine(toLine(record)) == record);
        record.state = State::Finished;
        record.end = record.start + 10min;
        record.sensorStart = CaptureTime(1'000'000'000'000'001ns);
        record.sensorEnd = CaptureTime(1'000'000'000'000'002ns);
        record.bytes = 123;
        record.frames = 4;
        record.motion = 1500ms;
        record.boot = "b";
        record.bootEnd = CaptureTime(5ns);
        CHECK(fromLine(toLine(record)) == record);
        CHECK(toLine(record).find("event") == std::string::npos);
        record.event = 7;
        record.reason = "signal, activity: low";
        CHECK(toLine(record).find("\"event\":7,\"reason\":\"signal, activity: low\"") != std::string::npos);
        CHECK(fromLine(toLine(record)) == record);
        CHECK(toLine(record).back() == '\n');
        CHECK_THROWS((void)toLine({.file = "\xff"}));
    }

    TEST_CASE("a line that names nothing inside the folder is none") {
        SegmentRecord record;
        record.file = "x";
        const std::string line = toLine(record);
        REQUIRE(fromLine(line));
        for (const char* file : {"../x", "/x", "", "a/../../x"}) {
            record.file = file;
            CHECK_FALSE(fromLine(toLine(record)));
        }
        for (const std::string& text : {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
                                        line.substr(0, line.size() / 2), std::string(40, '\0')})
            CHECK_FALSE(fromLine(text));
    }

    TEST_CASE("an index is read again as it was left and numbers go on") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            CHECK(first.index.nextNumber() == 1);
            first.record("a", 10);
            first.record("b", 20);
        }
        Recorder second(place);
        CHECK(second.files() == Names{"a", "b"});
        CHECK(second.index.segments().at(1).bytes == 20);
        CHECK(second.index.segments().at(1).state == State::Finished);
        CHECK(second.index.nextNumber() == 3);
    }

    TEST_CASE("numbers go on after the last segment was removed") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            first.record("a", 10);
            first.record("b", 10);
            CHECK(first.index.retain({.bytes = 1}) == 2);
        }
        { CHECK(Recorder(place).index.nextNumber() == 3); }
        CHECK(Recorder(place).index.nextNumber() == 3);
    }

    TEST_CASE("a segment whose file has gone is forgotten") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            first.record("a", 10);
            first.record("b", 10);
        }
        fs::remove(place / "a");
        { CHECK(Recorder(place).files() == Names{"b"}); }
        CHECK(textOf(place / "segments.jsonl").find("\"a\"") == std::string::npos);
    }

    TEST_CASE("a segment that nobody ended is entered as cut off and an empty one goes") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            first.record("a", 10);
            (void)first.start("b", 30);
        }
        {
            Recorder second(place);
            CHECK(second.files() == Names{"a", "b"});
            const SegmentRecord cut = second.index.segments().at(1);
            CHECK(cut.state == State::CutOff);
            CHECK(cut.bytes == 30);
            CHECK(cut.frames == 0U);
            (void)second.start("c", 0);
        }
        Recorder third(place);
        CHECK(third.files() == Names{"a", "b"});
        CHECK_FALSE(fs::exists(place / "c"));
        CHECK(third.index.nextNumber() == 4);
    }

    TEST_CASE("a segment that was entered and whose file was not made yet is forgotten") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            (void)first.start("a", 0);
            fs::remove(place / "a");
        }
        CHECK(Recorder(place).files().empty());
    }

    TEST_CASE("a last line that is not whole costs nothing but itself") {
        const TemporaryFolder place;
        {
            Recorder first(place);
            first.record("a", 10);
        }
        for (const std::string& torn : {std::string("{\"file\":\"b"), std::string(100, '\0'), std::string("\n\n")}) {
            append(place / "segments.jsonl", torn);
            Recorder second(place);
            CHECK(second.files() == Names{"a"});
            second.record("next", 10);
            second.index.forget("next");
        }
        Recorder last(place);
        CHECK(last.files() == Names{"a"});
    }

    TEST_CASE("a file of that name that is no index is left alone") {
        const TemporaryFolder place;
        append(place / "segments.jsonl", "my own notes\n");
        CHECK_THROWS_WITH(Recorder{place}, doctest::Contains("is not an index of segments"));
        CHECK(textOf(place / "segments.jsonl") == "my own notes\n");
        fs::remove(place / "segments.jsonl");
        fs::create_symlink("elsewhere", place / "segments.jsonl");
        CHECK_THROWS(Recorder{place});
        CHECK_FALSE(fs::exists(place / "elsewhere"));
    }

    TEST_CASE("exactly the oldest own segments are removed") {
        const TemporaryFolder place;
        append(place / "0-of-the-user", "older than all");
        Recorder recorder(place);
        for (const char* name : {"z", "b", "y", "a"})
            recorder.record(name, 10);
        const SegmentRecord open = recorder.start("open", 10);
        CHECK(recorder.index.retain({.bytes = 30}) == 2);
        CHECK(recorder.files() == Names{"y", "a", "open"});
        CHECK_FALSE(fs::exists(place / "z"));
        CHECK_FALSE(fs::exists(place / "b"));
        CHECK(recorder.index.retain({.bytes = 1}) == 2);
        CHECK(recorder.files() == Names{"open"});
        CHECK(fs::exists(place / "open"));
        CHECK(fs::exists(place / "0-of-the-user"));
        CHECK_FALSE(recorder.index.removeOldest());
    }

    TEST_CASE("a segment that was replaced by a link stays and no younger one goes in its place") {
        const TemporaryFolder place;
        append(place / "precious", "x");
        Recorder recorder(place);
        recorder.record("a", 10);
        recorder.record("b", 10);  // two hours now
        fs::remove(place / "a");
        fs::create_symlink("precious", place / "a");
        CHECK(recorder.index.retain({.age = 30min}) == 0);
        CHECK(recorder.files() == Names{"a", "b"});
        CHECK(fs::exists(place / "precious"));
        CHECK(fs::is_symlink(place / "a"));
        CHECK(recorder.index.retain({.age = 0s}) == 0);
        recorder.clocks.pass(1h);
        CHECK(recorder.index.retain({.age = 30min}) == 1);
        CHECK(recorder.files() == Names{"a"});
    }

    TEST_CASE("folders made for segments go with the last of them and others stay") {
        const TemporaryFolder place;
        fs::create_directory(place / "mine");
        {
            Recorder recorder(place);
            for (const char* name : {"made/deep/x", "mine/y"}) {
                for (const std::string& folder : recorder.folder.makeFoldersFor(name))
                    recorder.index.noteFolder(folder);
                recorder.record(name, 10);
            }
        }
        Recorder again(place);
        CHECK(again.index.retain({.bytes = 1}) == 2);
        CHECK_FALSE(fs::exists(place / "made"));
        CHECK(fs::exists(place / "mine"));
    }

    TEST_CASE("a jump of the wall clock makes no segment older") {
        const TemporaryFolder place;
        FakeClocks clocks = noon();
        {
            Recorder first(place, clocks);
            first.record("a", 10);
            first.clocks.jump(24h);
            first.record("b", 10);
            CHECK(first.index.retain({.age = 90min}) == 0);
            first.clocks.jump(-48h);
            CHECK(first.index.retain({.age = 90min}) == 0);
            first.clocks.pass(31min);
            CHECK(first.index.retain({.age = 90min}) == 1);
            CHECK(first.files() == Names{"b"});
        }
        Recorder second(place, clocks);  // of the same start of the system
        CHECK(second.index.retain({.age = 90min}) == 0);
        second.clocks.pass(1h);
        CHECK(second.index.retain({.age = 90min}) == 1);
    }

    TEST_CASE("a clock that is decades behind until it is set makes no segment older") {
        const TemporaryFolder place;
        {
            Recorder first(place, FakeClocks({.wall = WallTime(1h), .boot = CaptureTime(10s)}));
            first.record("1970", 10);
            first.clocks.jump(24h * 20000);
            first.record("2024", 10);
        }
        std::string text = textOf(place / "segments.jsonl");
        std::string boot = SegmentIndex::kFileName;
        {
            SegmentFolder folder(place.path());
            boot = SegmentIndex(folder, WallTimes(noon().reader(), true)).boot();
        }
        text = textOf(place / "segments.jsonl");
        for (std::size_t at = 0; (at = text.find(boot, at)) != std::string::npos;)
            text[at] = text[at] == 'f' ? 'e' : 'f';  // another start of the system
        std::ofstream(place / "segments.jsonl") << text;

        Recorder second(place, FakeClocks({.wall = WallTime(1h + 24h * 20000 + 3h), .boot = CaptureTime(10s)}));
        CHECK(second.index.retain({.age = 130min}) == 0);
        CHECK(second.index.retain({.age = 90min}) == 1);
        CHECK(second.files() == Names{"2024"});
    }

    TEST_CASE("an index of a long recording stays small") {
        const TemporaryFolder place;
        Recorder recorder(place);
        for (int i = 0; i < 600; ++i) {
            recorder.record(std::to_string(i), 1);
            (void)recorder.index.retain({.bytes = 3});
        }
        CHECK(recorder.files().size() == 3);
        CHECK(fs::file_size(place / "segments.jsonl") < 1100 * 300);
        CHECK_FALSE(fs::exists(place / ".segments.jsonl.new"));
    }

    TEST_CASE("what a sick disk did not take is in the index as soon as it takes something") {
        const TemporaryFolder place;
        Recorder recorder(place);
        recorder.record("a.mp4", 10);
        SegmentRecord open = recorder.start("b.mp4", 20);
        {
            const SickDisk sick(place.path(), {.lasting = 1h});
            open.state = State::Finished;
            open.bytes = 20;
            CHECK(recorder.index.update(open) == std::errc::io_error);
            CHECK_THROWS(recorder.start("c.mp4", 30));
            CHECK(recorder.index.settle());
            CHECK(recorder.index.nextNumber() == 3);
        }
        SUBCASE("in its end") {
            CHECK_FALSE(recorder.index.settle());
        }
        SUBCASE("in the next segment") {
            (void)recorder.start("c.mp4", 30);
        }
        const std::vector<SegmentRecord> listed = listedSegments(place.path());
        REQUIRE(listed.size() >= 2);
        CHECK(listed[1].file == "b.mp4");
        CHECK(listed[1].state == State::Finished);
    }

    TEST_CASE("an index that may have lost lines is written anew") {
        const TemporaryFolder place;
        Recorder recorder(place);
        recorder.record("a.mp4", 10);
        fs::resize_file(place / "segments.jsonl", 0);  // what a disk may come to that lost what it was given
        recorder.index.distrust();
        recorder.record("b.mp4", 20);
        CHECK(listedSegments(place.path()).size() == 2);
    }

    TEST_CASE("a disk that comes back elsewhere is read and what is known is not forgotten") {
        const TemporaryFolder root;
        const std::string place = root / "place";
        fs::create_directory(root / "first");
        fs::create_directory_symlink(root / "first", place);
        const FakeClocks clocks = noon();
        SegmentFolder folder(place);
        SegmentIndex index(folder, WallTimes(clocks.reader(), true));
        const auto record = [&](const std::string& file) {
            SegmentRecord one;
            one.file = file;
            one.number = index.nextNumber();
            one.start = clocks.reader()().wall;
            index.begin(one);
            std::ofstream(folder.pathOf(file)) << "picture";
            one.state = State::CutOff;
            one.bytes = 7;
            CHECK_FALSE(index.update(one));
        };
        record("a.mp4");
        record("b.mp4");
        record("c.mp4");
        fs::copy(root / "first", root / "second");
        fs::remove(root / "second/a.mp4");
        const std::string lines = textOf(root / "first/segments.jsonl");
        std::ofstream(root / "second/segments.jsonl") << lines.substr(0, lines.find("c.mp4"));  // not quite stored
        fs::remove(place);
        fs::create_directory_symlink(root / "second", place);
        index.comeBack();
        record("d.mp4");
        std::vector<std::string> listed;
        for (const SegmentRecord& one : listedSegments(place))
            listed.push_back(one.file);
        CHECK(listed == Names{"b.mp4", "c.mp4", "d.mp4"});
        CHECK(listedSegments(place).back().number == 4);
        CHECK_FALSE(fs::exists(root / "first/d.mp4"));

        const std::string foreign = "somebody else's\n";
        fs::create_directory(root / "third");
        std::ofstream(root / "third/segments.jsonl") << foreign;
        fs::remove(place);
        fs::create_directory_symlink(root / "third", place);
        CHECK_THROWS(index.comeBack());
        CHECK(index.settle());
        CHECK_THROWS(record("e.mp4"));
        CHECK(textOf(root / "third/segments.jsonl") == foreign);
        fs::remove(place);
        fs::create_directory_symlink(root / "second", place);
        CHECK(index.comeBack());
        record("f.mp4");
        CHECK(listedSegments(place).size() == 4);
    }
}
