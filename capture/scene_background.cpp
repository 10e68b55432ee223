#include "capture/scene_background.h"

#include <algorithm>
#include <array>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

// Far enough outside the picture for any margin.
constexpr double kFarLeft = -3000;
constexpr double kFarRight = 5000;
constexpr double kFarTop = -2000;
constexpr double kFarBottom = 3000;

void leaves(SceneCanvas& canvas, SceneRandom& random, ScenePoint center, double radiusX, double radiusY, int count) {
    canvas.ellipse(center, radiusX * 0.9, radiusY * 0.9,
                   {.luma = 62, .cb = 120, .cr = 122, .shade = -12, .fine = 10, .coarse = 8});
    for (int i = 0; i < count; ++i) {
        const double x = random.real(-1, 1);
        const double y = random.real(-1, 1);
        if (x * x + y * y > 1)
            continue;
        const double size = random.real(5, 14);
        canvas.ellipse({center.x + x * radiusX, center.y + y * radiusY}, size, size * random.real(0.4, 0.9),
                       {.luma = random.real(45, 112) - 14 * y, .cb = 116, .cr = 120, .shade = -10});
    }
}

void window(SceneCanvas& canvas, SceneRandom& random, ScenePoint topLeft, ScenePoint bottomRight) {
    const double left = topLeft.x;
    const double right = bottomRight.x;
    const double top = topLeft.y;
    const double bottom = bottomRight.y;
    canvas.rectangle({left - 14, top - 14}, {right + 14, bottom + 18}, {.luma = 178, .shade = -14, .fine = 1});
    canvas.rectangle(topLeft, bottomRight, {.luma = 222, .cb = 132, .cr = 126, .shade = -16, .coarse = 3});
    for (int i = 0; i < 4; ++i) {
        const double x = random.real(left, right - 60);
        canvas.rectangle({x, bottom - random.real(0.2, 0.5) * (bottom - top)},
                         {std::min(right, x + random.real(40, 110)), bottom},
                         {.luma = random.real(168, 196), .cb = 127, .cr = 130, .fine = 4});
    }
    canvas.rectangle({(left + right) / 2 - 5, top}, {(left + right) / 2 + 5, bottom}, {.luma = 160});
    canvas.rectangle({left, (2 * top + bottom) / 3 - 4}, {right, (2 * top + bottom) / 3 + 4}, {.luma = 158});
    canvas.rectangle({left - 30, bottom + 12}, {right + 30, bottom + 26}, {.luma = 188, .shade = -30});
}

void tiles(SceneCanvas& canvas, double top, double bottom, double vanishingX) {
    const ScenePaint joint{.luma = 92, .cb = 126, .cr = 130, .fine = 3};
    double y = top;
    for (double step = 16; y < bottom + 600; step *= 1.32) {
        y += step;
        canvas.line({kFarLeft, y}, {kFarRight, y}, 1.5 + step / 60, joint);
    }
    for (int i = -24; i <= 24; ++i)
        canvas.line({vanishingX + i * 95.0, top}, {vanishingX + i * 300.0, bottom}, 2.5, joint);
}

void hall(SceneCanvas& canvas, SceneRandom& random) {
    const double floor = 690;
    canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, floor},
                     {.luma = 138, .cb = 124, .cr = 131, .shade = 26, .fine = 2.2, .coarse = 5});
    canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, 92}, {.luma = 168, .cb = 127, .cr = 129, .coarse = 3});
    for (int i = 0; i < 3; ++i) {
        const double x = 260 + 560 * i + random.real(-40, 40);
        const std::array panel{ScenePoint{x, 22}, ScenePoint{x + 300, 22}, ScenePoint{x + 270, 66},
                               ScenePoint{x + 40, 66}};
        canvas.polygon(panel, {.luma = 228});
    }
    canvas.rectangle({kFarLeft, 92}, {kFarRight, 100}, {.luma = 112});
    canvas.rectangle({kFarLeft, floor}, {kFarRight, kFarBottom},
                     {.luma = 112, .cb = 123, .cr = 132, .shade = 60, .fine = 4, .coarse = 7});
    tiles(canvas, floor, 1080, 960);
    const std::array glow{ScenePoint{1180, floor}, ScenePoint{1560, floor}, ScenePoint{1760, 1080},
                          ScenePoint{1080, 1080}};
    canvas.polygon(glow, {.luma = 152, .cb = 125, .cr = 130, .shade = -30, .fine = 4, .coarse = 6});
    canvas.rectangle({kFarLeft, floor - 34}, {kFarRight, floor}, {.luma = 88, .cb = 122, .cr = 134, .fine = 3});

    const double door = 180 + random.real(-40, 60);
    canvas.rectangle({door - 18, 218}, {door + 248, floor}, {.luma = 176, .fine = 1});
    canvas.rectangle({door, 236}, {door + 230, floor}, {.luma = 84, .cb = 118, .cr = 140, .shade = -10, .fine = 5});
    for (int i = 0; i < 2; ++i)
        canvas.rectangle({door + 34, 270.0 + 206 * i}, {door + 196, 446.0 + 206 * i},
                         {.luma = 94, .cb = 118, .cr = 140, .shade = -14, .fine = 5});
    canvas.ellipse({door + 208, 474}, 9, 9, {.luma = 190, .shade = -60});

    window(canvas, random, {1200, 190}, {1540, 500});

    const double board = 620 + random.real(-30, 30);
    canvas.rectangle({board - 12, 238}, {board + 372, 492}, {.luma = 98, .cb = 118, .cr = 138, .fine = 4});
    canvas.rectangle({board, 250}, {board + 360, 480}, {.luma = 150, .cb = 118, .cr = 138, .fine = 7});
    for (int i = 0; i < 7; ++i) {
        const double x = board + 14 + 118 * (i % 3) + random.real(0, 20);
        const double y = 258 + 72 * (i / 3) + random.real(0, 8);
        canvas.rectangle({x, y}, {x + 84, y + 62}, {.luma = random.real(180, 218), .fine = 1});
        for (int k = 0; k < 6; ++k)
            canvas.rectangle({x + 8, y + 9 + 8 * k}, {x + random.real(36, 76), y + 12 + 8 * k}, {.luma = 120});
    }
    canvas.rectangle({1700, 560}, {1800, 700}, {.luma = 118, .cb = 122, .cr = 138, .shade = -40, .fine = 3});
    leaves(canvas, random, {1750, 470}, 130, 150, 420);
}

void room(SceneCanvas& canvas, SceneRandom& random) {
    const double floor = 760;
    canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, floor},
                     {.luma = 84, .cb = 126, .cr = 130, .shade = 12, .fine = 2, .coarse = 5});
    canvas.rectangle({kFarLeft, floor}, {kFarRight, kFarBottom},
                     {.luma = 66, .cb = 121, .cr = 134, .shade = 20, .fine = 5, .coarse = 5});
    for (int i = -6; i < 18; ++i)
        canvas.line({960 + (i - 6) * 130.0, floor}, {960 + (i - 6) * 330.0, 1080}, 3, {.luma = 50, .cr = 132});
    canvas.rectangle({kFarLeft, floor - 22}, {kFarRight, floor}, {.luma = 104});
    // shelf with books
    canvas.rectangle({180, 240}, {640, floor}, {.luma = 58, .cb = 120, .cr = 138, .fine = 4});
    for (int shelf = 0; shelf < 4; ++shelf) {
        const double bottom = 360 + 124 * shelf;
        canvas.rectangle({196, bottom - 104}, {624, bottom}, {.luma = 38, .shade = -6});
        for (double x = 200; x < 596;) {
            const double width = random.real(12, 30);
            canvas.rectangle({x, bottom - random.real(62, 98)}, {x + width - 2, bottom},
                             {.luma = random.real(44, 128),
                              .cb = random.real(114, 142),
                              .cr = random.real(116, 142),
                              .shade = -10,
                              .fine = 3});
            x += width;
        }
    }
    // table, lamp, picture, rug
    canvas.ellipse({1180, 960}, 560, 96, {.luma = 92, .cb = 122, .cr = 142, .fine = 7, .coarse = 6});
    canvas.ellipse({1180, 960}, 500, 78, {.luma = 78, .cb = 122, .cr = 140, .fine = 8});
    canvas.rectangle({860, 640}, {1480, 670}, {.luma = 88, .cb = 118, .cr = 140, .shade = -24, .fine = 4});
    canvas.rectangle({884, 670}, {908, 900}, {.luma = 64, .cb = 118, .cr = 140});
    canvas.rectangle({1432, 670}, {1456, 900}, {.luma = 64, .cb = 118, .cr = 140});
    canvas.rectangle({1344, 470}, {1354, 640}, {.luma = 100, .shade = -30});
    const std::array shade{ScenePoint{1300, 380}, ScenePoint{1398, 380}, ScenePoint{1430, 480}, ScenePoint{1268, 480}};
    canvas.polygon(shade, {.luma = 142, .cb = 118, .cr = 134, .shade = -20, .fine = 2});
    canvas.rectangle({880, 220}, {1140, 420}, {.luma = 120, .cb = 120, .cr = 136, .fine = 2});
    canvas.rectangle({900, 240}, {1120, 400}, {.luma = 96, .cb = 136, .cr = 122, .shade = 30, .fine = 8, .coarse = 12});
    window(canvas, random, {1590, 210}, {1830, 520});
}

void street(SceneCanvas& canvas, SceneRandom& random) {
    canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, 560},
                     {.luma = 196, .cb = 137, .cr = 122, .shade = 22, .coarse = 7});
    for (double x = kFarLeft; x < kFarRight;) {
        const double width = random.real(260, 460);
        const double top = random.real(70, 230);
        const double wall = random.real(92, 156);
        canvas.rectangle({x, top}, {x + width, 600},
                         {.luma = wall,
                          .cb = random.real(120, 128),
                          .cr = random.real(128, 138),
                          .shade = -8,
                          .fine = 5,
                          .coarse = 4});
        canvas.rectangle({x - 6, top - 12}, {x + width + 6, top}, {.luma = wall - 30, .fine = 3});
        for (double wy = top + 36; wy < 500; wy += 96)
            for (double wx = x + 30; wx + 56 < x + width; wx += 84) {
                canvas.rectangle({wx - 5, wy - 5}, {wx + 53, wy + 67}, {.luma = wall + 34});
                canvas.rectangle({wx, wy}, {wx + 48, wy + 62},
                                 {.luma = random.real(38, 84), .cb = 132, .cr = 126, .shade = 30, .coarse = 6});
                canvas.rectangle({wx + 22, wy}, {wx + 26, wy + 62}, {.luma = wall + 30});
            }
        x += width;
    }
    canvas.rectangle({kFarLeft, 600}, {kFarRight, 716},
                     {.luma = 138, .cb = 126, .cr = 129, .shade = 8, .fine = 6, .coarse = 4});
    for (double x = kFarLeft; x < kFarRight; x += 76)
        canvas.line({x, 600}, {x - 40, 700}, 2, {.luma = 112});
    canvas.rectangle({kFarLeft, 700}, {kFarRight, 722}, {.luma = 164, .shade = -50, .fine = 4});
    canvas.rectangle({kFarLeft, 722}, {kFarRight, kFarBottom},
                     {.luma = 82, .cb = 129, .cr = 127, .shade = 40, .fine = 8, .coarse = 6});
    for (double x = kFarLeft; x < kFarRight; x += 260) {
        const std::array mark{ScenePoint{x, 892}, ScenePoint{x + 130, 892}, ScenePoint{x + 122, 906},
                              ScenePoint{x - 10, 906}};
        canvas.polygon(mark, {.luma = 176, .fine = 6});
    }
    canvas.rectangle({1596, 380}, {1634, 660}, {.luma = 58, .cb = 122, .cr = 134, .shade = -8, .fine = 8});
    leaves(canvas, random, {1615, 270}, 210, 190, 1500);
    canvas.rectangle({300, 120}, {312, 640}, {.luma = 74, .fine = 2});
    canvas.rectangle({300, 112}, {392, 124}, {.luma = 70});
    canvas.ellipse({392, 126}, 26, 10, {.luma = 190});
}

void yard(SceneCanvas& canvas, SceneRandom& random) {
    canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, 420},
                     {.luma = 200, .cb = 134, .cr = 124, .shade = 14, .coarse = 6});
    canvas.rectangle({kFarLeft, 620}, {kFarRight, kFarBottom},
                     {.luma = 92, .cb = 117, .cr = 121, .shade = 24, .fine = 13, .coarse = 9});
    const std::array path{ScenePoint{820, 640}, ScenePoint{980, 640}, ScenePoint{1380, 1300}, ScenePoint{520, 1300}};
    canvas.polygon(path, {.luma = 142, .cb = 125, .cr = 130, .shade = 16, .fine = 8, .coarse = 6});
    canvas.rectangle({kFarLeft, 200}, {620, 660},
                     {.luma = 150, .cb = 122, .cr = 134, .shade = -10, .fine = 4, .coarse = 5});
    for (double y = 216; y < 650; y += 26)
        canvas.line({kFarLeft, y}, {620, y}, 2, {.luma = 132, .cb = 122, .cr = 134});
    const std::array roof{ScenePoint{kFarLeft, 60}, ScenePoint{560, 60}, ScenePoint{680, 210},
                          ScenePoint{kFarLeft, 210}};
    canvas.polygon(roof, {.luma = 84, .cb = 120, .cr = 144, .shade = -16, .fine = 8});
    window(canvas, random, {180, 300}, {420, 500});
    for (double x = 620; x < kFarRight; x += 44)
        canvas.rectangle({x, 430}, {x + 34, 640},
                         {.luma = random.real(96, 116), .cb = 119, .cr = 136, .shade = -10, .fine = 7});
    canvas.rectangle({1440, 330}, {1484, 660}, {.luma = 60, .cb = 121, .cr = 134, .fine = 9});
    leaves(canvas, random, {1460, 270}, 330, 250, 2600);
    leaves(canvas, random, {820, 580}, 190, 110, 700);
    leaves(canvas, random, {1830, 620}, 170, 150, 800);
}

}  // namespace

SceneBackdrop paintBackground(const SceneBackground& background, Size picture, Size margin) {
    SceneCanvas canvas(
        {.picture = picture, .marginX = margin.width, .marginY = margin.height, .seed = background.seed});
    SceneRandom random(mixBits(background.seed, 0x76696577));
    switch (background.view) {
        case SceneView::Plain:
            canvas.rectangle({kFarLeft, kFarTop}, {kFarRight, kFarBottom},
                             {.luma = static_cast<double>(background.luma)});
            return canvas.finish(background.brightness, background.saturation);
        case SceneView::Hall:
            hall(canvas, random);
            break;
        case SceneView::Room:
            room(canvas, random);
            break;
        case SceneView::Street:
            street(canvas, random);
            break;
        case SceneView::Yard:
            yard(canvas, random);
            break;
    }
    canvas.vignette(0.22);
    return canvas.finish(background.brightness, background.saturation);
}

}  // namespace smartcodec
