#include "encoder/qp_regions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <vector>

namespace smartcodec {
namespace {

constexpr Size kFullHd{1920, 1080};

QpMap mapFor(Size size) {
    QpMap map;
    map.columns = (size.width + 15) / 16;
    map.rows = (size.height + 15) / 16;
    map.delta.assign(static_cast<std::size_t>(map.columns * map.rows), 0);
    return map;
}

void fill(QpMap& map, int left, int top, int right, int bottom, int delta) {
    for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column)
            map.delta[static_cast<std::size_t>(row * map.columns + column)] = static_cast<std::int8_t>(delta);
}

/// Calm background, three moving things of blobby outline with a margin around each.
QpMap blobs(Size size) {
    QpMap map = mapFor(size);
    fill(map, 0, 0, map.columns, map.rows, 4);
    for (const auto& [x, y, radius] : {std::array{20, 30, 6}, std::array{70, 20, 9}, std::array{100, 55, 4}})
        for (int row = y - radius; row <= y + radius; ++row)
            for (int column = x - radius; column <= x + radius; ++column) {
                const int distance = (row - y) * (row - y) + (column - x) * (column - x);
                if (row >= 0 && row < map.rows && column >= 0 && column < map.columns && distance <= radius * radius)
                    fill(map, column, row, column + 1, row + 1, distance * 2 < radius * radius ? -4 : -2);
            }
    return map;
}

/// The map back from its regions; each block may be covered once.
QpMap rasterise(const std::vector<QpRegion>& regions, Size size) {
    QpMap map = mapFor(size);
    for (const QpRegion& region : regions) {
        CHECK(region.left % 16 == 0);
        CHECK(region.top % 16 == 0);
        CHECK((region.right % 16 == 0 || region.right == size.width));
        CHECK((region.bottom % 16 == 0 || region.bottom == size.height));
        CHECK(region.delta != 0);
        for (int row = region.top / 16; row < (region.bottom + 15) / 16; ++row)
            for (int column = region.left / 16; column < (region.right + 15) / 16; ++column) {
                auto& delta = map.delta[static_cast<std::size_t>(row * map.columns + column)];
                CHECK(delta == 0);
                delta = static_cast<std::int8_t>(region.delta);
            }
    }
    return map;
}

std::vector<QpRegion> qpRegions(const QpMap& map, Size size, int offset = 0) {
    QpRegionBuilder builder(size);
    const std::span<const QpRegion> regions = builder.build(map, offset);
    return {regions.begin(), regions.end()};
}

TEST_SUITE("unit") {
    TEST_CASE("regions give random maps back exactly") {
        std::mt19937 random(3);
        for (int round = 0; round < 60; ++round) {
            const Size size{static_cast<int>(2 + random() % 300) * 2, static_cast<int>(2 + random() % 200) * 2};
            QpMap map = mapFor(size);
            const auto kinds = static_cast<unsigned>(1 + random() % 12);
            for (auto& delta : map.delta)
                delta = static_cast<std::int8_t>(static_cast<int>(random() % kinds) - static_cast<int>(kinds / 2));
            for (unsigned i = 0; i < random() % 6; ++i) {
                const int left = static_cast<int>(random() % static_cast<unsigned>(map.columns));
                const int top = static_cast<int>(random() % static_cast<unsigned>(map.rows));
                fill(map, left, top, map.columns, map.rows, static_cast<int>(random() % 21) - 10);
            }
            CHECK(rasterise(qpRegions(map, size), size) == map);
        }
    }

    TEST_CASE("a typical map gives itself back in a short list") {
        const QpMap map = blobs(kFullHd);
        const auto regions = qpRegions(map, kFullHd);
        CHECK(rasterise(regions, kFullHd) == map);
        CHECK(regions.size() < 150);
    }

    TEST_CASE("a rectangle is one region cut to the picture") {
        const Size size{40, 36};
        QpMap map = mapFor(size);
        fill(map, 1, 1, 3, 3, -7);
        CHECK(qpRegions(map, size) == std::vector<QpRegion>{{16, 16, 40, 36, -7}});
    }

    TEST_CASE("nothing to say gives no regions") {
        CHECK(qpRegions({}, kFullHd).empty());
        CHECK(qpRegions(mapFor(kFullHd), kFullHd).empty());
    }

    TEST_CASE("an offset moves every block and stays within the QP scale") {
        CHECK(qpRegions({}, kFullHd, 5) == std::vector<QpRegion>{{0, 0, 1920, 1080, 5}});
        QpMap map = mapFor({64, 16});
        map.delta = {-3, 0, 3, 120};
        CHECK(qpRegions(map, {64, 16}, 3) ==
              std::vector<QpRegion>{{16, 0, 32, 16, 3}, {32, 0, 48, 16, 6}, {48, 0, 64, 16, 51}});
    }

    TEST_CASE("a builder starts afresh with every map and keeps its memory") {
        QpRegionBuilder builder(kFullHd);
        const QpMap map = blobs(kFullHd);
        const std::span<const QpRegion> regions = builder.build(map);
        const std::vector<QpRegion> first(regions.begin(), regions.end());
        CHECK(builder.build({}).empty());
        QpMap square = mapFor(kFullHd);
        fill(square, 0, 0, 120, 1, 3);  // lies on what the first map had in its last row
        CHECK(builder.build(square).size() == 1);
        const std::span<const QpRegion> again = builder.build(map);
        CHECK(std::vector<QpRegion>(again.begin(), again.end()) == first);
        CHECK(again.data() == regions.data());
    }
}

}  // namespace
}  // namespace smartcodec
