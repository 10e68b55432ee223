#include "encoder/qp_pooling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "capture/frame_pool.h"
#include "encoder/software_encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec {
namespace {

QpMap mapFor(Size size) {
    QpMap map;
    map.columns = (size.width + 15) / 16;
    map.rows = (size.height + 15) / 16;
    map.delta.assign(static_cast<std::size_t>(map.columns * map.rows), 0);
    return map;
}

std::int8_t& cell(QpMap& map, int column, int row) {
    return map.delta[static_cast<std::size_t>(row * map.columns + column)];
}

int cell(const QpMap& map, int column, int row) {
    return map.delta[static_cast<std::size_t>(row * map.columns + column)];
}

void fill(QpMap& map, int left, int top, int right, int bottom, int delta) {
    for (int row = top; row < std::min(bottom, map.rows); ++row)
        for (int column = left; column < std::min(right, map.columns); ++column)
            cell(map, column, row) = static_cast<std::int8_t>(delta);
}

/// Small values in overlapping rectangles and single blocks.
QpMap randomMap(std::mt19937& random, Size size) {
    QpMap map = mapFor(size);
    const auto below = [&random](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
    for (int i = below(8); i > 0; --i) {
        const int left = below(map.columns);
        const int top = below(map.rows);
        fill(map, left, top, left + 1 + below(map.columns), top + 1 + below(map.rows), below(13) - 6);
    }
    for (int i = below(20); i > 0; --i)
        cell(map, below(map.columns), below(map.rows)) = static_cast<std::int8_t>(below(13) - 6);
    return map;
}

struct Cell {
    int column;
    int row;
};

/// Blocks of `block` pixels that a region covers. Its edges must be theirs or the picture's.
std::vector<Cell> covered(const QpRegion& region, Size size, int block) {
    CHECK(region.left % block == 0);
    CHECK(region.top % block == 0);
    CHECK((region.right % block == 0 || region.right == size.width));
    CHECK((region.bottom % block == 0 || region.bottom == size.height));
    CHECK((region.left < region.right && region.right <= size.width));
    CHECK((region.top < region.bottom && region.bottom <= size.height));
    std::vector<Cell> cells;
    for (int row = region.top / block; row * block < region.bottom; ++row)
        for (int column = region.left / block; column * block < region.right; ++column)
            cells.push_back({column, row});
    return cells;
}

/// The largest score that any rectangle of one delta has whose blocks are all free, by trying them all.
int bestScore(const QpMap& map, const std::vector<bool>& taken) {
    int best = 0;
    for (int top = 0; top < map.rows; ++top)
        for (int left = 0; left < map.columns; ++left) {
            const int delta = cell(map, left, top);
            int right = map.columns;
            for (int bottom = top; bottom < map.rows && right > left; ++bottom) {
                int end = left;
                while (end < right && cell(map, end, bottom) == delta &&
                       !taken[static_cast<std::size_t>(bottom * map.columns + end)])
                    ++end;
                right = end;
                best = std::max(best, std::abs(delta) * (right - left) * (bottom - top + 1));
            }
        }
    return best;
}

TEST_SUITE("unit") {
    TEST_CASE("encoders refuse a QP map of another size than the picture") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = test::smallConfig();
        const auto refusal = [&](Encoder& encoder, const QpMap& map) {
            FramePool pool(config.format, config.size);
            return encoder.encode(pool.make({}), {.bitrate = config.maxBitrate, .qpMap = &map}).message();
        };
        const QpMap larger{.columns = 21, .rows = 12, .delta = std::vector<std::int8_t>(252, -3)};
        const QpMap shorter{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(239, -3)};
        const QpMap fitting{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, -3)};
        for (const std::unique_ptr<Encoder>& encoder :
             {openV4l2Encoder(config, {}, system, test::quickLimits()), openSoftwareEncoder(config)}) {
            CHECK(refusal(*encoder, larger).find("21x12 blocks") != std::string::npos);
            CHECK(refusal(*encoder, shorter).find("239 deltas") != std::string::npos);
            CHECK(refusal(*encoder, fitting) == "");
        }
    }

    TEST_CASE("pooling takes the finest of each block") {
        std::mt19937 random(5);
        QpMap pooled;
        for (int round = 0; round < 60; ++round) {
            const Size size{static_cast<int>(8 + random() % 300) * 2, static_cast<int>(8 + random() % 200) * 2};
            const QpMap map = randomMap(random, size);
            for (const int factor : {1, 2, 4}) {
                poolQpMap(map, factor, -51, 51, pooled);
                REQUIRE(pooled.columns == (size.width + 16 * factor - 1) / (16 * factor));
                REQUIRE(pooled.rows == (size.height + 16 * factor - 1) / (16 * factor));
                REQUIRE(pooled.delta.size() == static_cast<std::size_t>(pooled.columns * pooled.rows));
                std::vector<int> finest(pooled.delta.size(), 127);
                for (int row = 0; row < map.rows; ++row)
                    for (int column = 0; column < map.columns; ++column) {
                        int& value = finest[static_cast<std::size_t>(row / factor * pooled.columns + column / factor)];
                        value = std::min(value, cell(map, column, row));
                    }
                CHECK(std::equal(finest.begin(), finest.end(), pooled.delta.begin()));
            }
        }
    }

    TEST_CASE("pooling keeps within what the encoder takes and in the same memory") {
        QpMap map = mapFor({64, 32});
        map.delta = {-51, -32, -31, 0, 30, 31, 51, 7};
        QpMap pooled;
        poolQpMap(map, 1, -31, 30, pooled);
        CHECK(pooled.delta == std::vector<std::int8_t>{-31, -31, -31, 0, 30, 30, 30, 7});
        const std::int8_t* const memory = pooled.delta.data();
        poolQpMap(map, 2, -31, 30, pooled);
        CHECK(pooled.delta == std::vector<std::int8_t>{-31, -31});
        CHECK(pooled.delta.data() == memory);
    }

    TEST_CASE("rectangles cover only blocks of their own delta and no block twice") {
        std::mt19937 random(11);
        for (int round = 0; round < 200; ++round) {
            const Size size{static_cast<int>(8 + random() % 200) * 2, static_cast<int>(8 + random() % 150) * 2};
            const int block = std::vector{16, 32, 64}[random() % 3];
            const std::size_t limit = 1 + random() % 10;
            const QpMap map = randomMap(random, size);
            QpMap pooled;
            poolQpMap(map, block / 16, -51, 51, pooled);
            QpRectangles rectangles(size, {.block = block, .count = limit});
            const std::span<const QpRegion> regions = rectangles.build(map);
            CHECK(regions.size() <= limit);
            std::vector<bool> taken(pooled.delta.size());
            for (const QpRegion& region : regions) {
                CHECK(region.delta != 0);
                for (const auto [column, row] : covered(region, size, block)) {
                    CHECK(cell(pooled, column, row) == region.delta);
                    const auto index = static_cast<std::size_t>(row * pooled.columns + column);
                    CHECK_FALSE(taken[index]);
                    taken[index] = true;
                }
            }
        }
    }

    TEST_CASE("the rectangles that matter most are kept and the finest come first") {
        std::mt19937 random(13);
        for (int round = 0; round < 100; ++round) {
            const Size size{static_cast<int>(8 + random() % 120) * 2, static_cast<int>(8 + random() % 90) * 2};
            const QpMap map = randomMap(random, size);
            constexpr std::size_t kLimit = 6;
            QpRectangles rectangles(size, {.count = kLimit});
            const std::span<const QpRegion> built = rectangles.build(map);
            CHECK(std::ranges::is_sorted(built, {}, &QpRegion::delta));
            std::vector<QpRegion> byScore(built.begin(), built.end());
            const auto score = [&size](const QpRegion& region) {
                return std::abs(region.delta) * static_cast<int>(covered(region, size, 16).size());
            };
            std::ranges::stable_sort(byScore, std::greater<>(), score);
            // Each in its turn is the best that trying all rectangles finds.
            std::vector<bool> taken(map.delta.size());
            for (const QpRegion& region : byScore) {
                CHECK(score(region) == bestScore(map, taken));
                for (const auto [column, row] : covered(region, size, 16))
                    taken[static_cast<std::size_t>(row * map.columns + column)] = true;
            }
            if (built.size() < kLimit)
                CHECK(bestScore(map, taken) == 0);
        }
    }

    TEST_CASE("enough rectangles give the map back") {
        const Size size{200, 120};
        QpMap map = mapFor(size);
        fill(map, 0, 0, map.columns, map.rows, 4);
        fill(map, 2, 2, 5, 6, -6);
        fill(map, 5, 3, 7, 5, 0);
        fill(map, 9, 1, 10, 2, -2);
        QpRectangles rectangles(size, {.count = 100});
        QpMap back = mapFor(size);
        for (const QpRegion& region : rectangles.build(map))
            for (const auto [column, row] : covered(region, size, 16))
                cell(back, column, row) = static_cast<std::int8_t>(region.delta);
        CHECK(back == map);
    }

    TEST_CASE("one moving thing is one rectangle in pixels of the picture") {
        const Size size{1920, 1080};
        QpMap map = mapFor(size);
        fill(map, 10, 60, 14, 68, -6);
        QpRectangles rectangles(size, {.count = 8});
        const std::span<const QpRegion> regions = rectangles.build(map);
        REQUIRE(regions.size() == 1);
        CHECK(regions[0] == QpRegion{.left = 160, .top = 960, .right = 224, .bottom = 1080, .delta = -6});
        QpRectangles large(size, {.block = 64, .count = 8});
        const std::span<const QpRegion> rounded = large.build(map);
        REQUIRE(rounded.size() == 1);
        CHECK(rounded[0] == QpRegion{.left = 128, .top = 960, .right = 256, .bottom = 1080, .delta = -6});
    }

    TEST_CASE("what the encoder cannot do takes no rectangle from what it can") {
        const Size size{640, 360};
        QpMap map = mapFor(size);
        fill(map, 0, 0, map.columns, map.rows, 6);
        fill(map, 3, 3, 5, 5, -20);
        QpRectangles rectangles(size, {.count = 2, .low = -15, .high = 0});
        const std::span<const QpRegion> regions = rectangles.build(map);
        REQUIRE(regions.size() == 1);
        CHECK(regions[0] == QpRegion{.left = 48, .top = 48, .right = 80, .bottom = 80, .delta = -15});
    }

    TEST_CASE("a map that asks for nothing gives no rectangles") {
        QpRectangles rectangles({640, 360}, {.count = 8});
        CHECK(rectangles.build({}).empty());
        CHECK(rectangles.build(mapFor({640, 360})).empty());
        QpRectangles none({640, 360}, {.count = 0});
        QpMap map = mapFor({640, 360});
        fill(map, 0, 0, 5, 5, 3);
        CHECK(none.build(map).empty());
    }

    TEST_CASE("rectangles are built in the same memory and do not remember the map before") {
        const Size size{640, 360};
        std::mt19937 random(17);
        QpRectangles used(size, {.count = 8});
        const QpMap first = randomMap(random, size);
        const QpRegion* const memory = used.build(first).data();
        for (int round = 0; round < 50; ++round) {
            const QpMap map = randomMap(random, size);
            const std::span<const QpRegion> regions = used.build(map);
            CHECK(regions.data() == memory);
            QpRectangles fresh(size, {.count = 8});
            CHECK(std::ranges::equal(regions, fresh.build(map)));
        }
    }
}

}  // namespace
}  // namespace smartcodec
