#include "encoder/probe_stream.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "encoder/bitstream.h"

namespace smartcodec {

ProbeStream::ProbeStream(V4l2System& system, const V4l2StreamSettings& settings, const EncoderConfig& config,
                         const ProbeLimits& limits, const std::function<void(V4l2Session&)>& beforeStart)
    : name_(settings.node.driver + " " + settings.node.path),
      codec_(config.codec),
      limits_(limits),
      config_(config),
      session_(system, settings),
      tuning_(session_, config_, driverFacts(settings.node.driver)) {
    tuning_.setUp(config_.constantBitrate.value_or(config_.maxBitrate));
    if (beforeStart)
        beforeStart(session_);
    session_.start();
}

void ProbeStream::encode(const Picture& picture, std::chrono::microseconds gap,
                         const std::function<void(std::uint32_t)>& beforeQueueing) {
    V4l2Queue::Buffer buffer = room(picture);
    if (beforeQueueing)
        beforeQueueing(buffer.index());
    const std::chrono::microseconds before = timestamps_.empty() ? std::chrono::microseconds{0} : timestamps_.back();
    timestamps_.push_back(before + gap);
    coded_.emplace_back();
    require(session_.submit(std::move(buffer), picture, timestamps_.back()));
    bool moved = false;
    require(session_.collect(*this, moved));
}

V4l2Queue::Buffer ProbeStream::room(const Picture& picture) {
    auto deadline = Clock::now() + (anything_ ? limits_.stall : limits_.first);
    for (;;) {
        if (std::optional<V4l2Queue::Buffer> buffer = session_.room(picture))
            return std::move(*buffer);
        if (!awaitMove(deadline))
            throw std::runtime_error(name_ + " stalls: it has " + std::to_string(session_.picturesInside()) +
                                     " pictures and gave nothing back for " +
                                     std::to_string((anything_ ? limits_.stall : limits_.first).count()) + " ms");
        deadline = Clock::now() + limits_.stall;
    }
}

void ProbeStream::drain() {
    require(session_.beginDrain());
    auto deadline = Clock::now() + limits_.drain;
    // A device that tells no end, or one that swallows pictures, is done when it is silent.
    const auto done = [this] {
        return session_.ended() || (allCame() && (!session_.tellsEnd() || session_.saidLast() || session_.toldEnd()));
    };
    while (!done() && awaitMove(deadline))
        deadline = Clock::now() + limits_.drain;
    if (!anything_)
        throw std::runtime_error(name_ + " took " + std::to_string(coded_.size()) + " pictures and gave nothing back");
}

void ProbeStream::restart(const std::function<void()>& between) {
    require(session_.stop());
    between();
    anything_ = false;
    require(session_.run());
}

bool ProbeStream::awaitMove(Clock::time_point deadline) {
    for (;;) {
        bool moved = false;
        require(session_.collect(*this, moved));
        if (moved || session_.ended())
            return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0 || session_.idle())
            return false;
        V4l2Session::Woken woken;
        require(session_.wait({.limit = left}, woken));
    }
}

void ProbeStream::piece(const V4l2Piece& piece) {
    const auto found = std::ranges::lower_bound(timestamps_, piece.timestamp);
    if (found == timestamps_.end() || *found != piece.timestamp)
        return;  // junk
    Coded& coded = coded_[static_cast<std::size_t>(found - timestamps_.begin())];
    const AnnexBContents contents = inspectBitstream(codec_, piece.data);
    anything_ = true;
    coded.parameterSets |= contents.anyParameterSet;
    coded.keyFrame |= contents.keyFrame;
    if (!contents.picture && coded.bytes == 0)
        return;  // parameter sets in a buffer of their own
    came_ += coded.bytes == 0 ? 1 : 0;
    coded.bytes += piece.data.size();
}

void ProbeStream::require(const V4l2Result& result) const {
    if (!result.ok())
        throw std::system_error(result.error, std::generic_category(), name_ + ": " + result.attempt);
}

}  // namespace smartcodec
