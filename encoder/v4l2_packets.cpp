#include "encoder/v4l2_packets.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace smartcodec {

namespace {

constexpr double kMicroseconds = 1e6;
// Of the interval between frames: drivers truncate timestamps, some to milliseconds or to a 90 kHz clock.
constexpr double kTolerance = 0.25;
// Frames that come out while one before them is missing, until that is given up: drivers that swallow one never say so,
// those that mix packets up do it among neighbours.
constexpr std::size_t kPatience = 3;

void append(PacketBytes::Draft& draft, const V4l2Piece& piece) {
    draft.bytes().insert(draft.bytes().end(), piece.data.begin(), piece.data.end());
}

}  // namespace

V4l2Packets::V4l2Packets(Codec codec, FrameRate frameRate, FrameTimeline& timeline,
                         std::function<void(const Finished&)> finished)
    : codec_(codec), frameRate_(frameRate), timeline_(timeline), finishedFrame_(std::move(finished)) {}

std::chrono::microseconds V4l2Packets::timestamp(std::int64_t number) const {
    return std::chrono::microseconds(
        std::llround(static_cast<double>(number + 1) * kMicroseconds / frameRate_.value()));
}

std::optional<std::int64_t> V4l2Packets::match(std::chrono::microseconds timestamp) const {
    const double place = static_cast<double>(timestamp.count()) * frameRate_.value() / kMicroseconds;
    const double nearest = std::round(place);
    if (nearest < 1 || std::abs(place - nearest) > kTolerance)
        return std::nullopt;
    return static_cast<std::int64_t>(nearest) - 1;
}

std::optional<std::int64_t> V4l2Packets::nextInOrder() const {
    if (open_ && cut_)
        return open_;
    const auto next = std::ranges::find(expected_, false, &Expected::finished);
    return next == expected_.end() ? std::nullopt : std::optional(next->number);
}

V4l2Packets::Expected* V4l2Packets::find(std::int64_t number) {
    const auto found = std::ranges::find(expected_, number, &Expected::number);
    return found == expected_.end() ? nullptr : &*found;
}

void V4l2Packets::setParameterSets(std::span<const std::byte> sets) {
    sets_.assign(sets.begin(), sets.end());
    shown_ = sets_;
}

bool V4l2Packets::expect(std::int64_t number) {
    if (number <= given_)
        return false;
    if (number <= expectedTo_)
        --counts_.swallowed;  // as it was counted when its stream broke off
    expectedTo_ = std::max(expectedTo_, number);
    Expected frame;
    frame.number = number;
    expected_.push_back(std::move(frame));
    return true;
}

void V4l2Packets::piece(const V4l2Piece& piece) {
    const std::optional<std::int64_t> number = inOrder_ ? nextInOrder() : match(piece.timestamp);
    if (open_ && number != open_)
        finishOpen();
    Expected* frame = number ? find(*number) : nullptr;
    if (piece.failed) {
        failed_ = wantsKeyFrame_ = true;
        open_.reset();
        if (frame)
            frame->failed = frame->finished = true;
        else
            needsKeyFrame_ = true;
        release();
        return;
    }
    if (open_ && cut_ && frame) {
        append(frame->draft, piece);
    } else if (piece.full && frame && !frame->draft) {
        begin(*frame, piece);  // cut off anywhere: what it holds shows when it is whole
    } else {
        const AnnexBContents contents = inspectBitstream(codec_, piece.data);
        if (!contents.picture && contents.anyParameterSet) {
            addHeader(contents, piece);
            return;
        }
        const bool later =
            contents.picture && !contents.firstSlice && number && (frame ? !!frame->draft : *number <= given_);
        slicesApart_ = slicesApart_ || later;
        if (later && frame) {
            append(frame->draft, piece);
        } else if (later && joinReady(*number, piece)) {
            return;
        } else if (!contents.picture || !frame || frame->draft) {
            stray(contents.picture && number ? *number : -1);
            return;
        } else {
            begin(*frame, piece);
        }
    }
    cut_ = piece.full;
    frame->finished = false;
    open_ = number;
    if (!cut_ && !slicesApart_)
        finishOpen();
}

/// Parameter sets that come by themselves, or one of them.
void V4l2Packets::addHeader(const AnnexBContents& contents, const V4l2Piece& piece) {
    if (contents.parameterSets || inspectBitstream(codec_, header_).parameterSets)  // not a part of those that are here
        header_.clear();
    header_.insert(header_.end(), piece.data.begin(), piece.data.end());
}

/// A piece that nothing can be done with. If it is of a frame that was given up, or another picture of one that is
/// here, what follows refers to it.
void V4l2Packets::stray(std::int64_t number) {
    ++counts_.strays;
    if (number >= 0 && (number <= given_ || find(number)))
        needsKeyFrame_ = wantsKeyFrame_ = true;
}

/// Another slice of a picture that seemed to be whole, if nobody has taken that yet.
bool V4l2Packets::joinReady(std::int64_t number, const V4l2Piece& piece) {
    if (ready_.empty() || ready_.back().number != number)
        return false;
    Ready& packet = ready_.back();
    append(packet.draft, piece);
    finishedFrame_({.number = number,
                    .bytes = piece.data.size(),
                    .presentation = packet.times.presentation,
                    .keyFrame = packet.keyFrame});
    return true;
}

/// In front of a picture, but behind its access unit delimiter, of which there is to be one.
void V4l2Packets::insertSets(std::vector<std::byte>& picture, std::span<const std::byte> sets) const {
    const std::size_t at = delimiterBytes(codec_, picture);
    if (at > 0)
        sets = sets.subspan(delimiterBytes(codec_, sets));
    picture.insert(picture.begin() + static_cast<std::ptrdiff_t>(at), sets.begin(), sets.end());
}

void V4l2Packets::begin(Expected& frame, const V4l2Piece& piece) {
    frame.draft = memory_.take();
    append(frame.draft, piece);
    insertSets(frame.draft.bytes(), header_);
    header_.clear();
}

void V4l2Packets::finish(Expected& frame) {
    const AnnexBContents contents = inspectBitstream(codec_, frame.draft.bytes());
    frame.keyFrame = contents.keyFrame;
    frame.parameterSets = contents.parameterSets;
    frame.finished = true;
}

void V4l2Packets::finishOpen() {
    if (Expected* frame = open_ ? find(*open_) : nullptr)
        finish(*frame);
    open_.reset();
    release();
}

bool V4l2Packets::heldBack() const {
    return std::ranges::any_of(expected_, &Expected::finished);
}

void V4l2Packets::release() {
    const auto waiting = static_cast<std::size_t>(std::ranges::count_if(expected_, &Expected::finished));
    if (waiting >= kPatience && !expected_.front().finished && open_ != expected_.front().number) {
        giveUpMissing();
        return;
    }
    while (!expected_.empty() && expected_.front().finished) {
        emit(expected_.front());
        expected_.pop_front();
    }
}

void V4l2Packets::giveUpMissing() {
    while (heldBack() && !expected_.front().finished) {
        ++counts_.swallowed;
        given_ = expected_.front().number;
        if (open_ == given_)
            open_.reset();
        expected_.pop_front();
    }
    release();
}

void V4l2Packets::flush() {
    finishOpen();
    while (heldBack())
        giveUpMissing();
    counts_.swallowed += expected_.size();
    if (!expected_.empty())
        given_ = expected_.back().number;
    expected_.clear();
    header_.clear();
}

void V4l2Packets::beginStream() {
    finishOpen();
    while (heldBack())
        giveUpMissing();
    counts_.swallowed += expected_.size();
    expected_.clear();
    header_.clear();
    needsKeyFrame_ = true;
    wantsKeyFrame_ = failed_ = false;
}

void V4l2Packets::emit(Expected& frame) {
    given_ = frame.number;
    needsKeyFrame_ = needsKeyFrame_ || frame.failed;
    const auto times = timeline_.packetTimes(frame.number, frame.number);
    if (frame.failed || !times || (needsKeyFrame_ && !frame.keyFrame)) {
        ++counts_.spoiled;
        wantsKeyFrame_ = true;
        return;
    }
    needsKeyFrame_ = false;
    Ready packet;
    packet.draft = std::move(frame.draft);
    packet.number = frame.number;
    packet.times = *times;
    packet.keyFrame = frame.keyFrame;
    std::vector<std::byte>& bytes = packet.draft.bytes();
    if (frame.keyFrame && !frame.parameterSets) {
        insertSets(bytes, sets_);
    } else if (frame.keyFrame) {
        extractParameterSets(codec_, bytes, found_);
        if (!found_.empty() && found_ != sets_) {
            sets_ = found_;
            packet.newSets = found_;
        }
    }
    finishedFrame_({.number = frame.number,
                    .bytes = bytes.size(),
                    .presentation = times->presentation,
                    .keyFrame = frame.keyFrame,
                    .newStream = !packet.newSets.empty()});
    ready_.push_back(std::move(packet));
}

std::optional<Packet> V4l2Packets::take() {
    if (ready_.empty())
        return std::nullopt;
    Ready ready = std::move(ready_.front());
    ready_.pop_front();
    Packet packet;
    std::move(ready.draft).finish(packet);
    packet.presentation = ready.times.presentation;
    packet.decode = ready.times.decode;
    packet.keyFrame = ready.keyFrame;
    if (!ready.newSets.empty()) {
        shown_ = std::move(ready.newSets);
        packet.newStream = true;
    }
    return packet;
}

}  // namespace smartcodec
