#include "analysis/cells.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "capture/scene_math.h"

using namespace smartcodec;

namespace {

struct RandomLuma {
    std::vector<std::uint8_t> bytes;
    LumaView view;
    RandomLuma(int width, int height, int padding) {
        SceneRandom random(static_cast<std::uint64_t>(width * 1000 + height));
        const auto stride = static_cast<std::ptrdiff_t>(width + padding);
        bytes.resize(static_cast<std::size_t>(stride) * static_cast<std::size_t>(height));
        for (std::uint8_t& byte : bytes)
            byte = static_cast<std::uint8_t>(random.bits());
        view = {bytes.data(), width, height, stride};
    }
};

int plainSum(const LumaView& picture, int column, int row) {
    const int x0 = std::min(column * 4, picture.width - 4), y0 = std::min(row * 4, picture.height - 4);
    int sum = 0;
    for (int y = y0; y < y0 + 4; ++y)
        for (int x = x0; x < x0 + 4; ++x)
            sum += picture.row(y)[x];
    return sum;
}

void checkAgainstPlainLoop(const LumaView& picture) {
    CellGrid cells;
    computeCells(picture, cells);
    REQUIRE(cells.columns == (picture.width + 3) / 4);
    REQUIRE(cells.rows == (picture.height + 3) / 4);
    REQUIRE(cells.sum.size() == static_cast<std::size_t>(cells.columns * cells.rows));
    int wrong = 0;
    for (int y = 0; y < cells.rows; ++y)
        for (int x = 0; x < cells.columns; ++x)
            wrong += cells.row(y)[x] == plainSum(picture, x, y) ? 0 : 1;
    CHECK(wrong == 0);
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("cells are the sums of 4x4 samples whatever the size and the stride") {
        for (const auto& [width, height] :
             {std::pair{4, 4}, {16, 16}, {320, 192}, {322, 182}, {17, 23}, {1029, 9}, {1919, 21}, {2048, 8}}) {
            for (const int padding : {0, 13}) {
                CAPTURE(width);
                CAPTURE(height);
                checkAgainstPlainLoop(RandomLuma(width, height, padding).view);
            }
        }
    }

    TEST_CASE("cells of black and white do not overflow") {
        for (const int value : {0, 255}) {
            const std::vector<std::uint8_t> bytes(64 * 32, static_cast<std::uint8_t>(value));
            CellGrid cells;
            computeCells({bytes.data(), 64, 32, 64}, cells);
            CHECK(std::ranges::all_of(cells.sum, [&](int sum) { return sum == 16 * value; }));
        }
    }

    TEST_CASE("a grid used again for another size is right too") {
        CellGrid cells;
        computeCells(RandomLuma(320, 192, 0).view, cells);
        const RandomLuma small(21, 18, 3);
        computeCells(small.view, cells);
        REQUIRE(cells.columns == 6);
        REQUIRE(cells.rows == 5);
        CHECK(cells.row(4)[5] == plainSum(small.view, 5, 4));
    }
}
