#include "mux/mp4_writer.h"

#include <chrono>
#include <cmath>
#include <deque>
#include <filesystem>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "mux/copied_timeline.h"
#include "mux/mp4_container.h"
#include "mux/output_file.h"
#include "mux/video_timeline.h"

namespace smartcodec {
namespace {

/// How long the last picture stands in a file that nobody finished and whose frame rate nobody knows.
constexpr std::chrono::nanoseconds kFallbackFrame = std::chrono::milliseconds(40);

struct CopiedTrackState {
    Mp4Container::Copied track;
    CopiedTimeline timeline;
};

}  // namespace

struct Mp4Writer::State {
    State(const FileConfig& config, std::unique_ptr<OutputFile> file) : container(config) {
        if (config.frameRate.known())
            nominalFrame = std::chrono::nanoseconds(std::llround(1e9 / config.frameRate.value()));
        for (const Mp4Container::Copied& track : container.copied())
            copied.push_back({.track = track,
                              .timeline = CopiedTimeline(
                                  {.ticksPerSecond = track.ticksPerSecond, .prerollTicks = track.prerollTicks})});
        const bool ownFile = !file;
        if (ownFile)
            file = createOutputFile(config.path, config.overwrite, config.makeRoom);
        try {
            container.start(std::move(file));
        } catch (...) {
            std::error_code ignored;  // the error that is on its way says more
            if (ownFile && std::filesystem::is_regular_file(config.path, ignored))
                std::filesystem::remove(config.path, ignored);
            throw;
        }
    }

    ~State() {
        if (closed)
            return;
        try {  // nobody is left to be told
            if (!ended)
                (void)end(video.started() ? video.lastPresentation() + nominalFrame : CaptureTime{}, CopiedTail::Keep);
            (void)close();
        } catch (const std::bad_alloc&) {  // of libav's memory: the file stays as it is
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Status write(Packet packet);
    Status end(CaptureTime end, CopiedTail tail);
    Status endBefore(CaptureTime next, std::vector<Packet>& following);
    Status close();
    void take(Packet packet);
    Status writeVideo();
    Status writeCopied(double beforeSeconds);
    Status writeRest();
    [[nodiscard]] std::int64_t ticks(CaptureTime time, const CopiedTrackState& state) const;

    Mp4Container container;
    VideoTimeline video;
    std::vector<CopiedTrackState> copied;
    std::deque<Packet> early;  // of copied tracks, until the first video frame says when zero is
    std::chrono::nanoseconds nominalFrame = kFallbackFrame;
    bool ended = false;
    bool closed = false;
};

Status Mp4Writer::State::write(Packet packet) {
    if (packet.stream != 0) {
        if (video.started())
            take(std::move(packet));
        else
            early.push_back(std::move(packet));
        return {};
    }
    video.push(std::move(packet));
    while (!early.empty()) {
        take(std::move(early.front()));
        early.pop_front();
    }
    return writeVideo();
}

/// Puts a copied track's packet in its line.
void Mp4Writer::State::take(Packet packet) {
    for (CopiedTrackState& state : copied) {
        if (state.track.stream != packet.stream)
            continue;
        const std::int64_t ticks = container.codecTicks(packet);
        state.timeline.push(std::move(packet), video.first(), ticks);
        return;
    }
}

/// Writes the video that is ready and before each packet the sound that belongs there, so that a player finds what
/// belongs together close together.
Status Mp4Writer::State::writeVideo() {
    while (std::optional<TimedPacket> next = video.pop()) {
        const double seconds = static_cast<double>(next->decode) / static_cast<double>(VideoTimeline::kTicksPerSecond);
        if (Status status = writeCopied(seconds); !status.ok())
            return status;
        if (Status status = container.write(std::move(*next)); !status.ok())
            return status;
    }
    return {};
}

Status Mp4Writer::State::writeCopied(double beforeSeconds) {
    while (true) {
        CopiedTimeline* earliest = nullptr;
        double earliestSeconds = beforeSeconds;
        for (CopiedTrackState& state : copied) {
            const std::optional<double> seconds = state.timeline.nextSeconds();
            if (seconds && *seconds < earliestSeconds) {
                earliest = &state.timeline;
                earliestSeconds = *seconds;
            }
        }
        if (!earliest)
            return {};
        if (Status status = container.write(earliest->pop()); !status.ok())
            return status;
    }
}

Status Mp4Writer::State::end(CaptureTime time, CopiedTail tail) {
    ended = true;
    if (!video.started())
        return container.flush();
    video.end(time);
    for (CopiedTrackState& state : copied) {
        std::optional<std::int64_t> cutAt;
        if (tail == CopiedTail::Cut)
            cutAt = ticks(time, state);
        state.timeline.end(cutAt);
    }
    return writeRest();
}

Status Mp4Writer::State::endBefore(CaptureTime next, std::vector<Packet>& following) {
    ended = true;
    std::move(early.begin(), early.end(), std::back_inserter(following));
    early.clear();
    if (!video.started())
        return container.flush();
    video.end(next);
    for (CopiedTrackState& state : copied)
        state.timeline.endBefore(ticks(next, state), following);
    return writeRest();
}

std::int64_t Mp4Writer::State::ticks(CaptureTime time, const CopiedTrackState& state) const {
    const double seconds = std::chrono::duration<double>(time - video.first()).count();
    return std::llround(seconds * static_cast<double>(state.track.ticksPerSecond));
}

Status Mp4Writer::State::close() {
    closed = true;
    return container.finish();
}

/// A failure is the container's to remember; the index is written all the same.
Status Mp4Writer::State::writeRest() {
    if (writeVideo().ok())
        (void)writeCopied(std::numeric_limits<double>::infinity());
    return container.flush();
}

Mp4Writer::Mp4Writer(const FileConfig& config) {
    // Before anything is laid out, so that the plainest mistakes get the plainest messages.
    checkOutputPath(config.path, config.overwrite);
    state_ = std::make_unique<State>(config, nullptr);
}

Mp4Writer::Mp4Writer(const FileConfig& config, std::unique_ptr<OutputFile> file)
    : state_(std::make_unique<State>(config, std::move(file))) {}

Mp4Writer::~Mp4Writer() = default;
Mp4Writer::Mp4Writer(Mp4Writer&&) noexcept = default;
Mp4Writer& Mp4Writer::operator=(Mp4Writer&&) noexcept = default;

Status Mp4Writer::write(Packet packet) {
    return state_->write(std::move(packet));
}

Status Mp4Writer::flush() {
    return state_->container.flush();
}

UniqueFd Mp4Writer::toSync() const {
    return state_->container.toSync();
}

bool Mp4Writer::goOnWith(std::span<const std::byte>) {
    return false;
}

Status Mp4Writer::end(CaptureTime end, CopiedTail tail) {
    return state_->end(end, tail);
}

Status Mp4Writer::endBefore(CaptureTime next, std::vector<Packet>& following) {
    return state_->endBefore(next, following);
}

Status Mp4Writer::close() {
    return state_->close();
}

bool Mp4Writer::isWhole() const {
    return state_->container.isWhole();
}

std::uint64_t Mp4Writer::bytesWritten() const {
    return state_->container.bytesWritten();
}

std::uint64_t Mp4Writer::videoPackets() const {
    return state_->container.videoPackets();
}

std::uint64_t Mp4Writer::videoBytes() const {
    return state_->container.videoBytes();
}

const std::vector<std::string>& Mp4Writer::leftOut() const {
    return state_->container.leftOut();
}

}  // namespace smartcodec
