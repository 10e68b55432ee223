// What the recorder makes, in the players that others use: it opens, goes to any place, and shows the picture of that
// moment, which has its number in it.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/players/numbered_recording.h"
#include "tests/players/player.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

using Form = NumberedRecipe::Form;

/// Between a place and the next picture's time: less than any player's clock tells.
constexpr double kTick = 0.001;
/// Players' durations: of fragments with reordered pictures ffprobe counts the delay as well, up to four pictures.
constexpr double kDurationError = 0.15;
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
/// So much there is of everything at least, in pictures.
constexpr std::size_t kLeast = 8;

/// SMARTCODEC_PLAYERS=all in the environment (scripts/players): every form of file, and more places in each.
bool all() {
    const char* given = std::getenv("SMARTCODEC_PLAYERS");
    return given && std::string(given) == "all";
}

int places() {
    return all() ? 10 : 3;
}

std::vector<NumberedRecipe> recipes() {
    std::vector<NumberedRecipe> result;
    if (!all())
        return {{.codec = "h264", .form = Form::Finished},
                {.codec = "h264", .live = true, .form = Form::Killed},
                {.codec = "hevc", .form = Form::Killed},
                {.codec = "hevc", .form = Form::CutOffSegment}};
    for (const char* codec : {"h264", "hevc"})
        for (const bool live : {false, true})
            for (const Form form : {Form::Finished, Form::Killed, Form::UnderWay, Form::RepairedFinished,
                                    Form::RepairedKilled, Form::Segment, Form::CutOffSegment})
                result.push_back({.codec = codec, .live = live, .form = form});
    return result;
}

struct Numbered {
    NumberedRecipe recipe;
    std::unique_ptr<NumberedRecording> file;
    std::vector<NumberedPicture> pictures;
};

std::vector<Numbered> recordings(const std::vector<NumberedRecipe>& of) {
    std::vector<Numbered> result;
    for (const NumberedRecipe& recipe : of)
        result.push_back({.recipe = recipe, .file = std::make_unique<NumberedRecording>(recipe), .pictures = {}});
    for (Numbered& one : result) {
        one.file->finish();
        one.pictures = picturesOf(one.file->path());
    }
    return result;
}

bool hasIndex(Form form) {
    return form != Form::Killed && form != Form::UnderWay && form != Form::CutOffSegment;
}

double endOf(const Numbered& one) {
    return one.pictures.back().time + one.pictures.back().duration;
}

/// Two that follow each other, around a place.
struct Around {
    const NumberedPicture& there;
    const NumberedPicture* next;  ///< null: there is none
};

Around around(const Numbered& one, double place) {
    const auto next = std::ranges::upper_bound(one.pictures, place, {}, &NumberedPicture::time);
    return {.there = *std::prev(next), .next = next == one.pictures.end() ? nullptr : &*next};
}

/// Away from the moments at which pictures change, for players' clocks differ by less than that; and not where pictures
/// are missing: a file that was cut off among reordered pictures ends with some that have lost the ones before them.
bool isClear(const Numbered& one, double place) {
    const auto [there, next] = around(one, place);
    const double end = next ? next->time : endOf(one);
    const bool missing = there.time + there.duration < end - kTick;
    return place > there.time + kTick && place < end - kTick && !missing;
}

std::vector<double> placesIn(const Numbered& one, Player::Shows shows, std::mt19937& random) {
    const double end = shows == Player::Shows::TheNext ? one.pictures.back().time : endOf(one);
    std::uniform_real_distribution<double> anywhere(0, end);
    std::vector<double> result;
    while (result.size() < static_cast<std::size_t>(places())) {
        const double place = anywhere(random);
        if (isClear(one, place))
            result.push_back(place);
    }
    return result;
}

void checkDuration(const Numbered& one, Player& player) {
    const double duration = player.duration();
    if (hasIndex(one.recipe.form) || player.looksForTheEnd())
        CHECK(std::abs(duration - endOf(one)) < kDurationError);
    else
        CHECK(duration < endOf(one) + kDurationError);  // it says how long the first fragments take
}

void checkTimes(const Numbered& one) {
    for (const NumberedPicture& picture : one.pictures) {
        REQUIRE(picture.number);
        const double time = *picture.number / kNumberedFrameRate - one.file->start();
        CHECK(std::abs(picture.time - time) < 0.001);
    }
}

void checkPlayer(const Numbered& one, const char* name,
                 const std::function<std::unique_ptr<Player>(const std::string&)>& open) {
    static std::mt19937 random(63);
    CAPTURE(name);
    const std::string what = describe(one.recipe);
    CAPTURE(what);
    REQUIRE(one.pictures.size() >= kLeast);
    try {
        const std::unique_ptr<Player> player = open(one.file->path());
        checkDuration(one, *player);
        for (const double place : placesIn(one, player->shows(), random)) {
            CAPTURE(place);
            const auto [there, next] = around(one, place);
            const auto expected = player->shows() == Player::Shows::TheNext ? next->number : there.number;
            CHECK(player->numberAt(place).value_or(kNone) == expected.value_or(kNone));
        }
    } catch (const std::exception& error) {
        FAIL_CHECK(error.what());
    }
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("ffmpeg and GStreamer show the right picture at any place of every form of file") {
        for (const Numbered& one : recordings(recipes())) {
            const std::string what = describe(one.recipe);
            CAPTURE(what);
            checkTimes(one);
            checkPlayer(one, "ffmpeg", openInFfmpeg);
            checkPlayer(one, "GStreamer", openInGstreamer);
            if (all())
                CHECK_NOTHROW(playInFfplay(one.file->path(), std::max(0.0, endOf(one) - 0.5)));
        }
    }

    TEST_CASE("Chromium shows the right picture at any place of every form of file") {
        if (!all() && !Chromium::isThere()) {
            std::puts("chromium is not installed: scripts/players installs it");
            return;
        }
        Chromium chromium;
        REQUIRE(chromium.plays("video/mp4; codecs=\"avc1.64000a\""));
        std::vector<NumberedRecipe> playable = recipes();
        if (!chromium.plays("video/mp4; codecs=\"hvc1.1.6.L30.90\"")) {
            std::puts("this build of Chromium has no HEVC: of the files, those with H.264 are shown in it");
            std::erase_if(playable, [](const NumberedRecipe& recipe) { return recipe.codec != "h264"; });
        }
        for (const Numbered& one : recordings(playable))
            checkPlayer(one, "Chromium", [&chromium](const std::string& path) { return chromium.open(path); });
    }
}
