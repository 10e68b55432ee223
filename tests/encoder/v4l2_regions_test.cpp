#include "encoder/v4l2_regions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "encoder/v4l2_region_controls.h"
#include "tests/encoder/control_fake.h"

namespace smartcodec {
namespace {

using test::ControlFake;

constexpr Size kHd{1280, 720};  // 80 x 45 blocks
constexpr std::uint32_t kLargest = 139264;

QpMap mapFor(Size size, int delta = 0) {
    QpMap map;
    map.columns = (size.width + 15) / 16;
    map.rows = (size.height + 15) / 16;
    map.delta.assign(static_cast<std::size_t>(map.columns * map.rows), static_cast<std::int8_t>(delta));
    return map;
}

void fill(QpMap& map, int left, int top, int right, int bottom, int delta) {
    for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column)
            map.delta[static_cast<std::size_t>(row * map.columns + column)] = static_cast<std::int8_t>(delta);
}

template <typename Value>
std::vector<Value> valuesOf(std::span<const std::byte> bytes) {
    REQUIRE(bytes.size() % sizeof(Value) == 0);
    std::vector<Value> values(bytes.size() / sizeof(Value));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

struct Fixture {
    std::unique_ptr<V4l2Regions> find(Codec codec = Codec::H264, Size size = kHd) {
        return findRegions(device, controls, codec, size);
    }
    /// What came to the driver since the last time.
    std::vector<ControlFake::Told> news() {
        std::vector<ControlFake::Told> told;
        told.swap(fake.told);
        return told;
    }

    ControlFake fake;
    V4l2Device device{fake, "/dev/video0"};
    V4l2Controls controls{device};
};

/// As the driver of the proposal lists it.
struct ByteMap : Fixture {
    ByteMap() {
        fake.add(description);
        fake.add({.id = kRoiMbSize,
                  .type = V4L2_CTRL_TYPE_U8,
                  .name = "Encoder ROI MB Size",
                  .minimum = 16,
                  .maximum = 32,
                  .standard = 16,
                  .flags = V4L2_CTRL_FLAG_READ_ONLY,
                  .elementBytes = 1});
        setBlock(16);
    }
    void setBlock(int pixels) {
        const std::byte block{static_cast<unsigned char>(pixels)};
        fake.setBytes(kRoiMbSize, std::span(&block, 1));
    }
    void change(std::uint32_t elements, std::uint32_t flags) {
        description.elements = elements;
        description.flags = flags;
        fake.add(description);
    }
    /// The one array that the driver was told.
    std::vector<std::int8_t> sent() {
        const std::vector<ControlFake::Told> told = news();
        REQUIRE(told.size() == 1);
        CHECK(told[0].id == kRoiMbDeltaQp);
        return valuesOf<std::int8_t>(told[0].bytes);
    }

    ControlFake::Description description{.id = kRoiMbDeltaQp,
                                         .type = kS8ControlType,
                                         .name = "Encoder ROI MB Delta QP",
                                         .minimum = -31,
                                         .maximum = 30,
                                         .elementBytes = 1,
                                         .elements = kLargest};
};

/// As NXP proposed.
struct Proposed : Fixture {
    explicit Proposed(bool map = true) {
        fake.add({.id = kRoiMode, .type = V4L2_CTRL_TYPE_MENU, .name = "Video ROI Mode", .maximum = 4});
        fake.add({.id = kRoiBlock,
                  .type = V4L2_CTRL_TYPE_AREA,
                  .name = "Video ROI Block Size",
                  .flags = V4L2_CTRL_FLAG_READ_ONLY,
                  .elementBytes = sizeof(v4l2_area)});
        setBlock(16, 16);
        fake.add({.id = kRoiRects,
                  .type = kRectControlType,
                  .name = "Video ROI Rectangle Region",
                  .flags = V4L2_CTRL_FLAG_DYNAMIC_ARRAY,
                  .elementBytes = sizeof(v4l2_rect),
                  .elements = 4});
        fake.add({.id = kRoiDeltas,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "Video ROI Rectangle Delta QP",
                  .minimum = -20,
                  .maximum = 20,
                  .flags = V4L2_CTRL_FLAG_DYNAMIC_ARRAY,
                  .elements = 4});
        if (map)
            fake.add({.id = kRoiMap,
                      .type = V4L2_CTRL_TYPE_INTEGER,
                      .name = "Video ROI Delta QP Map",
                      .minimum = -51,
                      .maximum = 51,
                      .flags = V4L2_CTRL_FLAG_DYNAMIC_ARRAY,
                      .elements = 240 * 135});
    }
    void setBlock(std::uint32_t width, std::uint32_t height) {
        const v4l2_area area{.width = width, .height = height};
        fake.setBytes(kRoiBlock, std::as_bytes(std::span(&area, 1)));
    }
};

struct ProposedRectangles : Proposed {
    ProposedRectangles() : Proposed(false) {}
};

struct Imx : Fixture {
    static constexpr std::uint32_t kRoi = V4L2_CID_USER_BASE + 0x10b3;
    static constexpr std::uint32_t kCount = kRoi - 1;

    Imx() {
        fake.add({.id = kCount,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "get max ROI region number",
                  .maximum = 8,
                  .standard = 8,
                  .flags = V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_VOLATILE});
        fake.add({.id = kRoi,
                  .type = V4L2_CTRL_COMPOUND_TYPES + 0x40,
                  .name = "vsi priv v4l2 roi params set",
                  .maximum = 8,
                  .elementBytes = sizeof(ImxRegions)});
    }
    ImxRegions sent() {
        const std::vector<ControlFake::Told> told = news();
        REQUIRE(told.size() == 1);
        CHECK(told[0].id == kRoi);
        return valuesOf<ImxRegions>(told[0].bytes).at(0);
    }
};

struct Jetson : Fixture {
    static constexpr std::uint32_t kParams = V4L2_CID_CODEC_BASE + 530;
    static constexpr std::uint32_t kEnable = V4L2_CID_CODEC_BASE + 544;

    Jetson() {
        fake.add({.id = kParams,
                  .type = V4L2_CTRL_COMPOUND_TYPES + 0x50,
                  .name = "Video ROI Params",
                  .elementBytes = sizeof(JetsonRegionSet)});
        fake.add(
            {.id = kEnable, .type = V4L2_CTRL_COMPOUND_TYPES + 0x51, .name = "Enable ROI Param", .elementBytes = 1});
    }
    JetsonRegionSet sent() {
        const std::vector<ControlFake::Told> told = news();
        REQUIRE(told.size() == 1);
        CHECK(told[0].id == kParams);
        return valuesOf<JetsonRegionSet>(told[0].bytes).at(0);
    }
};

TEST_SUITE("unit") {
    TEST_CASE_FIXTURE(Fixture, "an encoder without such controls has no regions") {
        fake.add({.id = V4L2_CID_MPEG_VIDEO_BITRATE, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Bitrate", .maximum = 9});
        CHECK(find() == nullptr);
    }

    TEST_CASE_FIXTURE(ByteMap, "a QP map goes out row by row and filled up to the control's size") {
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->support() == RegionSupport::QpMap);
        CHECK(regions->description() == "QP map of 16x16 blocks, -31..30");
        QpMap map = mapFor(kHd);
        fill(map, 3, 2, 5, 4, -40);
        fill(map, 79, 44, 80, 45, 40);
        CHECK(regions->apply(map, 0) == 0);
        const std::vector<std::int8_t> deltas = sent();
        REQUIRE(deltas.size() == kLargest);
        CHECK(deltas[2 * 80 + 3] == -31);
        CHECK(deltas[3 * 80 + 4] == -31);
        CHECK(deltas[80 * 45 - 1] == 30);
        CHECK(std::ranges::count_if(deltas, [](std::int8_t delta) { return delta != 0; }) == 5);
    }

    TEST_CASE_FIXTURE(ByteMap, "blocks of 32 pixels get the finest of their four") {
        setBlock(32);
        const auto regions = find(Codec::Hevc);
        REQUIRE(regions != nullptr);
        CHECK(regions->description() == "QP map of 32x32 blocks, -31..30");
        QpMap map = mapFor(kHd, 4);
        fill(map, 1, 1, 2, 2, -6);
        CHECK(regions->apply(map, 0) == 0);
        const std::vector<std::int8_t> deltas = sent();
        CHECK(deltas[0] == -6);
        CHECK(std::ranges::count(deltas, 4) == 40 * 23 - 1);
        CHECK(deltas[40 * 23] == 0);
    }

    TEST_CASE_FIXTURE(ByteMap, "the block size is the codec's where the driver does not say it") {
        fake.unknown.insert(VIDIOC_G_EXT_CTRLS);
        CHECK(find(Codec::H264)->description() == "QP map of 16x16 blocks, -31..30");
        CHECK(find(Codec::Hevc)->description() == "QP map of 32x32 blocks, -31..30");
    }

    TEST_CASE_FIXTURE(ByteMap, "a map does not stay on a frame that has none") {
        const auto regions = find();
        QpMap map = mapFor(kHd);
        CHECK(regions->apply(map, 0) == 0);
        CHECK(regions->apply({}, 0) == 0);
        CHECK(news().empty());
        fill(map, 0, 0, 9, 9, -3);
        CHECK(regions->apply(map, 0) == 0);
        news();
        CHECK(regions->apply({}, 0) == 0);
        CHECK(std::ranges::all_of(sent(), [](std::int8_t delta) { return delta == 0; }));
        CHECK(regions->apply({}, 0) == 0);
        CHECK(regions->apply(mapFor(kHd), 0) == 0);
        CHECK(news().empty());
    }

    TEST_CASE_FIXTURE(ByteMap, "the same map reaches the driver for every frame and changes no block") {
        const auto regions = find();
        QpMap map = mapFor(kHd, 3);
        fill(map, 0, 0, 9, 9, -3);
        for (int frame = 0; frame < 6; ++frame) {
            CHECK(regions->apply(map, 0) == 0);
            const std::vector<std::int8_t> deltas = sent();
            CHECK(std::equal(map.delta.begin(), map.delta.end(), deltas.begin()));
        }
    }

    TEST_CASE_FIXTURE(ByteMap, "an array without a spare element differs by one step in the last block") {
        change(kLargest, V4L2_CTRL_FLAG_DYNAMIC_ARRAY);
        const auto regions = find();
        REQUIRE(regions != nullptr);
        for (const int corner : {5, -31}) {
            QpMap map = mapFor(kHd, 3);
            fill(map, 79, 44, 80, 45, corner);
            for (int frame = 0; frame < 6; ++frame) {
                CHECK(regions->apply(map, 0) == 0);
                const std::vector<std::int8_t> deltas = sent();
                REQUIRE(deltas.size() == map.delta.size());
                CHECK(std::equal(map.delta.begin(), map.delta.end() - 1, deltas.begin()));
                CHECK(std::abs(deltas.back() - corner) <= 1);
                CHECK((corner == -31 || deltas.back() <= corner));
            }
        }
    }

    TEST_CASE_FIXTURE(ByteMap, "a driver that hears of every write gets the map as it is") {
        change(kLargest, V4L2_CTRL_FLAG_DYNAMIC_ARRAY | V4L2_CTRL_FLAG_EXECUTE_ON_WRITE);
        const auto regions = find();
        const QpMap map = mapFor(kHd, 3);
        for (int frame = 0; frame < 4; ++frame) {
            CHECK(regions->apply(map, 0) == 0);
            CHECK(sent() == map.delta);
        }
    }

    TEST_CASE_FIXTURE(ByteMap, "after a refusal the next frame begins anew") {
        const auto regions = find();
        const QpMap map = mapFor(kHd, 3);
        fake.failing[kRoiMbDeltaQp] = EBUSY;
        CHECK(regions->apply(map, 0) == EBUSY);
        CHECK(regions->apply({}, 0) == EBUSY);  // it may have been taken: it must go
        fake.failing.clear();
        CHECK(regions->apply(map, 0) == 0);
        CHECK(sent()[0] == 3);
        CHECK(regions->apply({}, 0) == 0);
        CHECK(sent()[0] == 0);
    }

    TEST_CASE_FIXTURE(ByteMap, "a number alone is not believed") {
        SUBCASE("another type") {
            description.type = V4L2_CTRL_TYPE_U8;
        }
        SUBCASE("another element size") {
            description.elementBytes = 2;
        }
        SUBCASE("another name") {
            description.name = "Video Something QP";
        }
        SUBCASE("no array") {
            description.elements = 1;
        }
        SUBCASE("too small an array for the picture") {
            description.elements = 80 * 45 - 1;
        }
        SUBCASE("unsigned") {
            description.minimum = 0;
        }
        SUBCASE("blocks that are no multiple of 16") {
            setBlock(24);
        }
        SUBCASE("no blocks at all") {
            setBlock(0);
        }
        fake.add(description);
        CHECK(find() == nullptr);
    }

    TEST_CASE_FIXTURE(ByteMap, "the type number of the first proposal is known too") {
        description.type = kFirstS8ControlType;
        description.name = "enc mb roi delta qp";
        fake.add(description);
        CHECK(find() != nullptr);
    }

    TEST_CASE_FIXTURE(Proposed, "a map of numbers is switched on with its mode and off again") {
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->support() == RegionSupport::QpMap);
        CHECK(regions->description() == "QP map of 16x16 blocks, -51..51");
        QpMap map = mapFor(kHd, 2);
        fill(map, 1, 0, 2, 1, -7);
        CHECK(regions->apply(map, 0) == 0);
        const std::vector<ControlFake::Told> on = news();
        REQUIRE(on.size() == 2);
        const std::vector<std::int32_t> deltas = valuesOf<std::int32_t>(on[0].bytes);
        CHECK(std::ranges::equal(deltas, map.delta));
        CHECK(on[1].id == kRoiMode);
        CHECK(on[1].value == 3);
        CHECK(regions->apply(map, 0) == 0);
        CHECK(news().empty());  // it stands
        CHECK(regions->apply({}, 0) == 0);
        const std::vector<ControlFake::Told> off = news();
        REQUIRE(off.size() == 1);
        CHECK(off[0].id == kRoiMode);
        CHECK(off[0].value == 0);
        CHECK(regions->apply(map, 0) == 0);
        CHECK(news().back().value == 3);
    }

    TEST_CASE_FIXTURE(Proposed, "where blocks are not square the map is left for the rectangles") {
        setBlock(64, 32);
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->description() == "4 rectangles of 64x64 blocks, -20..20");
    }

    TEST_CASE_FIXTURE(ProposedRectangles, "rectangles and their deltas are two arrays of one length") {
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->support() == RegionSupport::Rectangles);
        CHECK(regions->description() == "4 rectangles of 16x16 blocks, -20..20");
        QpMap map = mapFor(kHd);
        fill(map, 10, 10, 12, 13, 5);
        fill(map, 70, 40, 80, 45, -30);
        CHECK(regions->apply(map, 0) == 0);
        const std::vector<ControlFake::Told> told = news();
        REQUIRE(told.size() == 3);
        const std::vector<v4l2_rect> rects = valuesOf<v4l2_rect>(told[0].bytes);
        REQUIRE(rects.size() == 2);
        CHECK(rects[0].left == 1120);
        CHECK(rects[0].top == 640);
        CHECK(rects[0].width == 160);
        CHECK(rects[0].height == 80);
        CHECK(valuesOf<std::int32_t>(told[1].bytes) == std::vector<std::int32_t>{-20, 5});
        CHECK(told[2].value == 1);
        CHECK(regions->apply({}, 0) == 0);
        CHECK(news().at(0).value == 0);
    }

    TEST_CASE_FIXTURE(Imx, "NXP's rectangles are one structure that is emptied for a frame without") {
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->support() == RegionSupport::Rectangles);
        CHECK(regions->description() == "8 rectangles of 16x16 blocks, -51..51");
        QpMap map = mapFor(kHd);
        CHECK(regions->apply(map, 0) == 0);
        CHECK(news().empty());
        fill(map, 10, 10, 12, 13, 5);
        fill(map, 70, 40, 80, 45, -6);
        CHECK(regions->apply(map, 0) == 0);
        const ImxRegions set = sent();
        REQUIRE(set.count == 2);
        CHECK(set.regions[0].enable == 1);
        CHECK(set.regions[0].qpDelta == -6);
        CHECK(set.regions[0].rect.left == 1120);
        CHECK(set.regions[1].qpDelta == 5);
        CHECK(set.regions[2].enable == 0);
        CHECK(regions->apply(map, 1) == 0);
        CHECK(news().empty());  // it stands
        CHECK(regions->apply({}, 0) == 0);
        CHECK(sent().count == 0);
        CHECK(regions->apply({}, 0) == 0);
        CHECK(news().empty());
    }

    TEST_CASE_FIXTURE(Imx, "the small encoder is asked only for what it takes") {
        fake.setValue(kCount, 2);
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->description() == "2 rectangles of 16x16 blocks, -15..0");
        QpMap map = mapFor(kHd, 6);
        fill(map, 10, 10, 12, 13, -20);
        CHECK(regions->apply(map, 0) == 0);
        const ImxRegions set = sent();
        REQUIRE(set.count == 1);
        CHECK(set.regions[0].qpDelta == -15);
    }

    TEST_CASE_FIXTURE(Imx, "HEVC has blocks of 64 and rectangles are rounded outward to them") {
        const auto regions = find(Codec::Hevc);
        QpMap map = mapFor(kHd);
        fill(map, 5, 5, 6, 6, -4);
        CHECK(regions->apply(map, 0) == 0);
        const ImxRegions set = sent();
        REQUIRE(set.count == 1);
        CHECK(set.regions[0].rect.left == 64);
        CHECK(set.regions[0].rect.width == 64);
    }

    TEST_CASE_FIXTURE(Imx, "after a refusal the rectangles are sent again") {
        const auto regions = find();
        const QpMap map = mapFor(kHd, 3);
        fake.failing[kRoi] = EIO;
        CHECK(regions->apply(map, 0) == EIO);
        fake.failing.clear();
        CHECK(regions->apply(map, 0) == 0);
        CHECK(sent().count == 1);
    }

    TEST_CASE_FIXTURE(Imx, "hardware without regions has none") {
        fake.setValue(kCount, 0);
        CHECK(find() == nullptr);
    }

    TEST_CASE_FIXTURE(Jetson, "regions of the Jetson are switched on at once and belong to a buffer") {
        const auto regions = find();
        REQUIRE(regions != nullptr);
        CHECK(regions->description() == "8 rectangles of 16x16 blocks, -51..51");
        const std::vector<ControlFake::Told> enabled = news();
        REQUIRE(enabled.size() == 1);
        CHECK(enabled[0].id == kEnable);
        CHECK(enabled[0].bytes == std::vector{std::byte{1}});

        CHECK(regions->apply({}, 3) == 0);
        CHECK(news().empty());
        QpMap map = mapFor(kHd);
        fill(map, 10, 10, 12, 13, -5);
        for (const std::uint32_t buffer : {3u, 4u, 3u}) {
            CHECK(regions->apply(map, buffer) == 0);
            const JetsonRegionSet set = sent();
            CHECK(set.count == 1);
            CHECK(set.regions[0].qpDelta == -5);
            CHECK(set.regions[0].rect.top == 160);
            CHECK(set.configStore == buffer);
        }
        // Each buffer may still have its own.
        for (const std::uint32_t buffer : {4u, 3u}) {
            CHECK(regions->apply({}, buffer) == 0);
            CHECK(sent().configStore == buffer);
        }
    }

    TEST_CASE_FIXTURE(Jetson, "a Jetson that cannot switch them on has none") {
        fake.failing[kEnable] = EBUSY;
        CHECK(find() == nullptr);
    }

    TEST_CASE("a map is preferred to rectangles") {
        Imx both;
        both.fake.add({.id = kRoiMbDeltaQp,
                       .type = kS8ControlType,
                       .name = "Encoder ROI MB Delta QP",
                       .minimum = -31,
                       .maximum = 30,
                       .elementBytes = 1,
                       .elements = kLargest});
        CHECK(both.find()->support() == RegionSupport::QpMap);
    }
}

}  // namespace
}  // namespace smartcodec
