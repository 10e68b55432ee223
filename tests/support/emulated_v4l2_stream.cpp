#include "tests/support/emulated_v4l2_stream.h"

#include <linux/videodev2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace smartcodec::emulated {

namespace {

/// NAL units with their start codes.
std::vector<std::span<const std::byte>> units(std::span<const std::byte> data) {
    constexpr std::array kStartCode{std::byte{0}, std::byte{0}, std::byte{1}};
    std::vector<std::span<const std::byte>> all;
    while (!data.empty()) {
        const auto next =
            std::ranges::search(data.subspan(std::min(data.size(), kStartCode.size() + 1)), kStartCode).begin();
        const auto length = static_cast<std::size_t>(std::distance(data.begin(), next));
        all.push_back(data.first(length));
        data = data.subspan(length);
    }
    return all;
}

}  // namespace

Stream::Stream(const V4l2Personality& personality, std::unique_ptr<Coder> coder, std::uint32_t fourcc, Size size)
    : personality_(personality), coder_(std::move(coder)), fourcc_(fourcc), rate_(size) {}

std::uint32_t Stream::flags(bool keyFrame) const {
    switch (personality_.flags) {
        case V4l2PictureFlags::None:
            return 0;
        case V4l2PictureFlags::HevcNumbers:
            if (fourcc_ != V4L2_PIX_FMT_HEVC)
                return V4L2_BUF_FLAG_PFRAME;
            break;
        case V4l2PictureFlags::Right:
            break;
    }
    return keyFrame ? V4L2_BUF_FLAG_KEYFRAME : V4L2_BUF_FLAG_PFRAME;
}

double Stream::secondsSinceLast(const Frame& frame, const StreamSettings& settings) const {
    const double nominal = 1 / settings.frameRate;
    if (!personality_.ratesByTimestamp || pictures_ == 0)
        return nominal;
    const double passed = static_cast<double>(frame.timestamp.tv_sec - lastTime_.tv_sec) +
                          1e-6 * static_cast<double>(frame.timestamp.tv_usec - lastTime_.tv_usec);
    return passed > 0 ? std::min(passed, 10.0) : nominal;
}

void Stream::encode(const Frame& frame, const StreamSettings& settings, std::deque<CodedBuffer>& ready) {
    ++taken_;
    if (personality_.swallowEvery > 0 && taken_ % static_cast<unsigned>(personality_.swallowEvery) == 0)
        return;
    const bool keyFrame = pictures_ == 0 || frame.keyFrame || (settings.gopSize > 0 && sinceKey_ >= settings.gopSize);
    int qp = keyFrame ? settings.keyQp : settings.otherQp;
    if (settings.bitrate > 0)
        qp = rate_.chooseQp(keyFrame, {.bitrate = settings.bitrate,
                                       .seconds = secondsSinceLast(frame, settings),
                                       .lowestQp = settings.lowestQp,
                                       .highestQp = settings.highestQp});
    const std::span<const std::byte> data = coder_->encode(
        frame.picture,
        {.number = pictures_, .keyFrame = keyFrame, .qp = qp, .bitrate = settings.bitrate, .deltas = frame.deltas});
    rate_.add(keyFrame, qp, data.size());

    CodedBuffer coded{.data = {}, .timestamp = frame.timestamp, .flags = flags(keyFrame), .qp = qp};
    const std::span<const std::byte> sets = coder_->parameterSets();
    if (keyFrame && personality_.splitsParameterSets && (pictures_ == 0 || settings.repeatParameterSets))
        for (const std::span<const std::byte> set : units(sets))
            release({.data = {set.begin(), set.end()}, .timestamp = frame.timestamp, .flags = 0, .qp = qp}, ready);
    else if (pictures_ == 0 && !settings.joinedHeader && !sets.empty())
        release({.data = {sets.begin(), sets.end()}, .timestamp = frame.timestamp, .flags = 0, .qp = qp}, ready);
    else if (keyFrame && (pictures_ == 0 || settings.repeatParameterSets))
        coded.data.assign(sets.begin(), sets.end());
    coded.data.insert(coded.data.end(), data.begin(), data.end());

    ++pictures_;
    sinceKey_ = keyFrame ? 1 : sinceKey_ + 1;
    lastTime_ = frame.timestamp;
    held_.push_back(std::move(coded));
    while (held_.size() > static_cast<std::size_t>(personality_.latencyFrames)) {
        release(std::move(held_.front()), ready);
        held_.pop_front();
    }
}

void Stream::flush(std::deque<CodedBuffer>& ready) {
    for (CodedBuffer& coded : held_)
        release(std::move(coded), ready);
    held_.clear();
    if (overtaken_)
        ready.push_back(*std::exchange(overtaken_, std::nullopt));
}

void Stream::release(CodedBuffer coded, std::deque<CodedBuffer>& ready) {
    if (packets_ == 0 && personality_.junkFirst)
        ready.push_back({.data = std::vector<std::byte>(64, std::byte{0x5a})});
    ++packets_;
    const auto due = [&](int every) { return every > 0 && packets_ % static_cast<unsigned>(every) == 0; };
    if (due(personality_.emptyPacketEvery))
        ready.push_back({.data = {}, .timestamp = coded.timestamp});
    if (due(personality_.errorEvery) ||
        (personality_.errorsFrom > 0 && packets_ >= static_cast<unsigned>(personality_.errorsFrom))) {
        coded.data.clear();
        coded.flags = V4L2_BUF_FLAG_ERROR;
    }
    if (personality_.swapPackets && packets_ % 2 == 0) {
        overtaken_ = std::move(coded);
        return;
    }
    ready.push_back(std::move(coded));
    if (overtaken_)
        ready.push_back(*std::exchange(overtaken_, std::nullopt));
}

}  // namespace smartcodec::emulated
