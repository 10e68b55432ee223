#include "encoder/probe_judgement.h"

#include <doctest/doctest.h>

#include <vector>

namespace smartcodec {
namespace {

using Coded = ProbeStream::Coded;

/// A key frame, then pictures of so many bytes.
std::vector<Coded> stream(std::size_t pictures, std::size_t bytes = 1000) {
    std::vector<Coded> coded(pictures, {.bytes = bytes});
    coded[0] = {.bytes = 9000, .keyFrame = true, .parameterSets = true};
    return coded;
}

void setBytes(std::vector<Coded>& coded, ProbeWindow window, std::size_t bytes) {
    for (std::size_t i = window.begin; i < window.end; ++i)
        coded[i].bytes = bytes;
}

TEST_SUITE("unit") {
    TEST_CASE("the mean leaves out key frames and pictures that never came") {
        std::vector<Coded> coded = stream(10);
        coded[3].bytes = 0;
        coded[5].bytes = 2000;
        CHECK(meanBytes(coded, {0, 10}) == 9000.0 / 8);
        CHECK_FALSE(meanBytes(coded, {0, 4}));  // two are too few
        CHECK(meanBytes(coded, {7, 99}) == 1000);
        CHECK_FALSE(meanBytes(coded, {10, 20}));
    }

    TEST_CASE("two things that take turns are told apart") {
        std::vector<Coded> coded = stream(40);
        for (std::size_t i = 1; i < coded.size(); ++i)
            coded[i].bytes = isSecondsTurn(i) ? 3000 : 1000;
        const ProbeTurns turns = meanBytesOfTurns(coded, {20, 40}, 0);
        CHECK(turns.first == 1000);
        CHECK(turns.second == 3000);
    }

    TEST_CASE("turns that act on pictures that were queued before are found") {
        std::vector<Coded> coded = stream(80);
        for (std::size_t i = 1; i < coded.size(); ++i)
            coded[i].bytes = isSecondsTurn(i + 3) ? 3000 : 1000;
        const ProbeTurns turns = clearestTurns(coded, {40, 80}, 4);
        CHECK(turns.early == 3);
        CHECK(turns.first == 1000);
        CHECK(turns.second == 3000);
        CHECK(turns.secondIsLarger());
        CHECK(clearestTurns(coded, {40, 80}, 2).early < 3);
    }

    TEST_CASE("turns that make pictures smaller instead of larger are found as well") {
        std::vector<Coded> coded = stream(80);
        for (std::size_t i = 1; i < coded.size(); ++i)
            coded[i].bytes = isSecondsTurn(i + 2) ? 1000 : 3000;
        const ProbeTurns turns = farthestTurns(coded, {40, 80}, 4);
        CHECK(turns.early == 2);
        CHECK(turns.first == 3000);
        CHECK(turns.second == 1000);
    }

    TEST_CASE("sizes that go up and down by themselves are nobody's turn") {
        for (const std::size_t period : {2u, 3u, 4u, 6u, 8u}) {
            CAPTURE(period);
            std::vector<Coded> coded = stream(120);
            for (std::size_t i = 1; i < coded.size(); ++i)
                coded[i].bytes = i % period < period / 2 ? 2000 : 1000;
            for (std::size_t begin = 40; begin < 60; ++begin) {
                CHECK(clearestTurns(coded, {begin, begin + 40}, 4).first);
                CHECK_FALSE(clearestTurns(coded, {begin, begin + 40}, 4).secondIsLarger());
            }
        }
    }

    TEST_CASE("the contrast is the nearer of before and afterwards and that of most rounds") {
        std::vector<Coded> coded = stream(130);
        std::vector<ProbeRound> rounds;
        for (std::size_t begin = 10; begin < 100; begin += 40) {
            rounds.push_back({.before = {begin, begin + 10},
                              .changed = {begin + 10, begin + 20},
                              .restored = {begin + 20, begin + 30}});
            setBytes(coded, rounds.back().changed, 200);
        }
        REQUIRE(rounds.size() == 3);
        const auto shows = [&] {
            const ProbeContrast contrast = medianContrast(coded, rounds);
            return isClearlyLess(contrast.to.value(), contrast.from.value());
        };
        CHECK(medianContrast(coded, rounds).from == 1000);
        CHECK(medianContrast(coded, rounds).to == 200);
        SUBCASE("rate control that wavers down for good is no effect") {
            for (const ProbeRound& round : rounds)
                setBytes(coded, round.restored, 210);
            CHECK_FALSE(shows());
        }
        SUBCASE("what shows in one round of three is no effect") {
            setBytes(coded, rounds[0].changed, 900);
            CHECK(shows());
            setBytes(coded, rounds[2].changed, 900);
            CHECK_FALSE(shows());
        }
        SUBCASE("what shows in one round of two is no effect") {
            rounds.pop_back();
            CHECK(shows());
            setBytes(coded, rounds[1].changed, 900);
            CHECK_FALSE(shows());
        }
        SUBCASE("what is missing is not guessed") {
            setBytes(coded, rounds[1].restored, 0);
            CHECK_FALSE(medianContrast(coded, rounds).from);
            CHECK_FALSE(medianContrast(coded, {}).from);
        }
    }

    TEST_CASE("key frames that were asked for are told from those that come by themselves") {
        std::vector<Coded> coded = stream(120);
        const std::vector<ProbeRequest> requests{{.number = 30, .inside = 4}, {.number = 60, .inside = 4}};
        ProbedKeyFrames found = judgeKeyFrames(coded, requests);
        CHECK_FALSE(found.granted);
        CHECK_FALSE(found.ownGap);
        CHECK_FALSE(found.repeated);

        coded[30].keyFrame = coded[30].parameterSets = true;
        CHECK_FALSE(judgeKeyFrames(coded, requests).granted);  // one of two
        coded[57].keyFrame = coded[57].parameterSets = true;   // of those inside
        found = judgeKeyFrames(coded, requests);
        CHECK(found.granted);
        CHECK(found.earliest == -3);
        CHECK(found.latest == 0);
        CHECK_FALSE(found.ownGap);
        CHECK(found.repeated == true);

        coded[100].keyFrame = true;
        found = judgeKeyFrames(coded, requests);
        CHECK(found.ownGap == 100);
        CHECK(found.repeated == false);
    }

    TEST_CASE("a key frame that comes too late was not granted") {
        std::vector<Coded> coded = stream(60);
        coded[30 + ProbeRequest::kPatience].keyFrame = true;
        const std::vector<ProbeRequest> requests{{.number = 30, .inside = 0}};
        CHECK_FALSE(judgeKeyFrames(coded, requests).granted);
        coded[29 + ProbeRequest::kPatience].keyFrame = true;
        CHECK(judgeKeyFrames(coded, requests).latest == ProbeRequest::kPatience - 1);
    }
}

}  // namespace
}  // namespace smartcodec
