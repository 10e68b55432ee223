#include "app/disk_backlog.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/app/held_packets.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kBytes = 1000;  // of a packet, with what is kept about it 1256

/// A backlog with a disk that takes what the test takes.
struct Disk {
    explicit Disk(std::size_t packets, bool mayDrop = true, std::size_t items = 1000)
        : out(items),
          backlog({.mayDrop = mayDrop, .bytes = packets * memoryOf(makePacket(0, {}, kBytes))}, out,
                  [this] { ++asked; }) {}

    /// A GOP of so many pictures, 40 ms apart, with the number of its first one as its time.
    bool gop(int pictures, std::optional<NewFile> file = {}) {
        const bool begun = backlog.beginGop(CaptureTime(40ms * next), std::move(file));
        for (int i = 0; i < pictures; ++i)
            picture(i == 0);
        return begun;
    }
    void picture(bool key = false) { backlog.put(makePacket(0, CaptureTime(40ms * next++), kBytes, key), 40ms); }

    /// What the disk takes: "K" a key frame, "p" another picture, "s" sound, "F" a new file, "f" its end, "E" the end.
    std::string take(int most = 100'000) {
        std::string text;
        for (; most > 0; --most) {
            WriteItem item;
            if (!out.tryTake(item))
                break;
            if (const auto* packet = std::get_if<Packet>(&item))
                text += packet->stream != 0 ? 's' : packet->keyFrame ? 'K' : 'p';
            if (const auto* file = std::get_if<NewFile>(&item)) {
                text += 'F';
                last = *file;
            }
            if (const auto* end = std::get_if<FileEnd>(&item)) {
                text += 'f';
                motion = end->motion;
            }
            if (const auto* end = std::get_if<End>(&item)) {
                text += 'E';
                motion = end->motion;
            }
        }
        return text;
    }

    Queue<WriteItem> out;
    int asked = 0;
    int next = 0;
    NewFile last;
    std::optional<std::chrono::nanoseconds> motion;
    DiskBacklog backlog;
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("what a disk keeps up with is handed on as it comes") {
        Disk disk(8);
        for (int i = 0; i < 100; ++i) {
            CHECK(disk.gop(4));
            CHECK(disk.take() == "Kppp");
        }
        CHECK(disk.backlog.droppedPictures() == 0);
        CHECK(disk.asked == 0);
    }

    TEST_CASE("a disk that hangs costs whole GOPs and the others stay whole") {
        Disk disk(40);
        int begun = 0;
        for (int i = 0; i < 20; ++i)
            begun += disk.gop(5) ? 1 : 0;
        CHECK(begun == 7);  // with the seventh three quarters are exceeded
        CHECK(disk.backlog.droppedPictures() == 5 * 13);
        CHECK(disk.asked == 1);
        std::string expected;
        for (int i = 0; i < begun; ++i)
            expected += "Kpppp";
        CHECK(disk.take() == expected);
        CHECK(disk.gop(5));
        CHECK(disk.take() == "Kpppp");
        CHECK(disk.backlog.droppedPictures() == 5 * 13);
    }

    TEST_CASE("a gap goes on until half of the room is free and a key frame is asked for then") {
        Disk disk(40);
        for (int i = 0; i < 8; ++i)
            (void)disk.gop(5);
        REQUIRE(disk.asked == 1);
        (void)disk.take(10);       // 25 of 35 are left
        CHECK_FALSE(disk.gop(5));  // more than the half
        CHECK(disk.asked == 1);
        (void)disk.take(5);
        disk.picture();          // of the GOP that is left out
        CHECK(disk.asked == 2);  // 20 are left
        disk.picture();
        CHECK(disk.asked == 2);  // once
        CHECK(disk.gop(5));
        CHECK(disk.backlog.droppedPictures() == 12);
    }

    TEST_CASE("a key frame is asked for while there is room for the rest of a GOP") {
        Disk disk(40);
        (void)disk.backlog.beginGop(CaptureTime(0s), {});
        for (int i = 0; i < 31; ++i)
            disk.picture(i == 0);
        CHECK(disk.asked == 0);
        for (int i = 0; i < 9; ++i)
            disk.picture();
        CHECK(disk.asked == 1);
        CHECK(disk.backlog.droppedPictures() == 0);
    }

    TEST_CASE("a GOP that never ends is cut off at the bound and never goes on") {
        Disk disk(40);
        (void)disk.backlog.beginGop(CaptureTime(0s), {});
        for (int i = 0; i < 60; ++i)
            disk.picture(i == 0);
        CHECK(disk.take() == "K" + std::string(40, 'p'));
        disk.picture();
        CHECK(disk.take() == "");  // although there is room again
        CHECK(disk.asked == 2);
        CHECK(disk.gop(2));
        CHECK(disk.take() == "Kp");
    }

    TEST_CASE("few packets are enough where the queue is short") {
        Disk disk(1'000'000, true, 44);
        for (int i = 0; i < 20; ++i)
            (void)disk.gop(5);
        CHECK(disk.take() == "KppppKppppKppppKppppKppppKppppKpppp");
        CHECK(disk.backlog.droppedPictures() == 65);
    }

    TEST_CASE("sound of a GOP that is left out is left out too") {
        Disk disk(10);
        while (disk.gop(3)) {
        }
        const std::string before = disk.take();
        CHECK(before.find('s') == std::string::npos);
        disk.backlog.put(makePacket(1, CaptureTime(1s), 100));
        CHECK(disk.take() == "");
        const std::uint64_t dropped = disk.backlog.droppedPictures();
        CHECK(dropped == 3);
        CHECK(disk.gop(1));
        disk.backlog.put(makePacket(1, CaptureTime(2s), 100));
        CHECK(disk.take() == "Ks");
    }

    TEST_CASE("a file that was to begin with what is left out begins with what follows") {
        Disk disk(8);
        while (disk.gop(4)) {
        }
        (void)disk.take(3);
        CHECK_FALSE(disk.gop(4, NewFile{.parameterSets = {std::byte{1}}, .segment = 7}));
        CHECK_FALSE(disk.gop(4, NewFile{.parameterSets = {std::byte{2}}, .segment = 0}));  // began anew meanwhile
        CHECK(disk.take().find('F') == std::string::npos);
        const CaptureTime start(40ms * disk.next);
        CHECK(disk.gop(2));
        CHECK(disk.take() == "FKp");
        CHECK(disk.last.start == start);
        CHECK(disk.last.segment == 7);
        CHECK(disk.last.parameterSets == std::vector<std::byte>{std::byte{2}});
        CHECK(disk.last.motion == 8 * 40ms);  // of what is in the file before
    }

    TEST_CASE("what comes after the end of a file is no loss") {
        Disk disk(8);
        CHECK(disk.gop(4, NewFile{}));
        CHECK(disk.gop(4));
        CHECK_FALSE(disk.gop(25));  // a second
        disk.backlog.endFile({.time = CaptureTime(40ms * disk.next)});
        (void)disk.take();
        CHECK(disk.backlog.droppedTime() == 1s);
        disk.next += 100'000;
        CHECK(disk.gop(4, NewFile{}));
        CHECK(disk.backlog.droppedTime() == 1s);
        CHECK(disk.backlog.droppedPictures() == 25);
    }

    TEST_CASE("a file without anything in it has no end") {
        Disk disk(8);
        disk.backlog.endFile({});
        CHECK(disk.take() == "f");  // the one that the recording began with
        disk.backlog.endFile({});
        CHECK(disk.take() == "");
        CHECK(disk.gop(4, NewFile{}));
        CHECK(disk.gop(4));
        CHECK_FALSE(disk.gop(4));
        disk.backlog.endFile({});
        CHECK(disk.take() == "FKpppKpppf");
        CHECK(disk.motion == 8 * 40ms);
        CHECK(disk.gop(8, NewFile{}));
        CHECK_FALSE(disk.gop(8));
        CHECK(disk.take().starts_with("FK"));
        CHECK(disk.gop(1));
        disk.backlog.end({});
        CHECK(disk.take() == "KE");
        CHECK(disk.motion == 9 * 40ms);
    }

    TEST_CASE("where the source waits nothing is left out however slow the disk") {
        Disk disk(2, false, 16);
        std::string taken;
        std::jthread writer([&] {
            while (taken.empty() || taken.back() != 'E') {
                taken += disk.take(1);
                std::this_thread::yield();
            }
        });
        for (int i = 0; i < 100; ++i)
            CHECK(disk.gop(10));
        disk.backlog.end({});
        writer.join();
        CHECK(taken.size() == 1001);
        CHECK(disk.backlog.droppedPictures() == 0);
        CHECK(disk.asked == 0);
    }
}
