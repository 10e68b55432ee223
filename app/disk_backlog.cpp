#include "app/disk_backlog.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace smartcodec {

namespace {

// Quarters of the bound: where no further GOP is begun, and where the next one is.
constexpr std::size_t kAll = 4;
constexpr std::size_t kFull = 3;
constexpr std::size_t kRoomAgain = 2;
/// Items that are no packets, of which there is one before a GOP at most, and the end.
constexpr std::size_t kSpare = 4;

}  // namespace

DiskBacklog::DiskBacklog(const Config& config, Queue<WriteItem>& out, std::function<void()> askForKeyFrame)
    : config_(config), out_(out), askForKeyFrame_(std::move(askForKeyFrame)), sizes_(out.capacity() + 1) {}

/// What the writer has taken meanwhile no longer counts.
void DiskBacklog::refresh() {
    const std::uint64_t waiting = out_.waiting();  // never less than there are: this thread alone makes them more
    for (; put_ - taken_ > waiting; ++taken_)
        bytes_ -= sizes_[taken_ % sizes_.size()];
}

bool DiskBacklog::isAbove(std::size_t quarters) const {
    return bytes_ > config_.bytes / 4 * quarters || put_ - taken_ > (out_.capacity() - kSpare) / 4 * quarters;
}

bool DiskBacklog::beginGop(CaptureTime start, std::optional<NewFile> file) {
    if (file) {  // the newer one knows more; only that a segment was to begin is not to be forgotten
        file->segment = std::max(file->segment, due_ ? due_->segment : 0);
        due_ = std::move(file);
    }
    refresh();
    asked_ = false;
    dropping_ = config_.mayDrop && isAbove(dropping_ ? kRoomAgain : kFull);
    if (dropping_) {
        beginGap(start);
        return false;
    }
    endGap(start);
    if (due_) {
        due_->start = start;
        due_->motion = takeMotion();
        fileOpen_ = true;
        hand(*std::exchange(due_, std::nullopt), 0);
    }
    return true;
}

void DiskBacklog::put(Packet packet, std::optional<std::chrono::nanoseconds> motion) {
    refresh();
    if (config_.mayDrop && !dropping_ && isAbove(kAll)) {  // the GOP is larger than what was left for it
        dropping_ = true;
        asked_ = false;
        beginGap(packet.presentation);
    }
    if (dropping_) {
        dropped_ += packet.stream == 0 ? 1 : 0;
        if (!isAbove(kRoomAgain))
            askOnce();
        return;
    }
    if (config_.mayDrop && isAbove(kFull))
        askOnce();
    if (motion)
        motion_ = motion_.value_or(std::chrono::nanoseconds(0)) + *motion;
    const std::size_t bytes = memoryOf(packet);
    hand(std::move(packet), bytes);
}

void DiskBacklog::askOnce() {
    if (!std::exchange(asked_, true))
        askForKeyFrame_();
}

void DiskBacklog::beginGap(CaptureTime start) {
    if (gap_)
        return;
    gap_ = start;
    droppedBefore_ = dropped_;
    spdlog::warn(
        "the disk is too slow, or away: {:.0f} MB of pictures wait for it, and until it has taken some of them further "
        "ones are left out; a faster disk, or a lower --max-bitrate, helps",
        static_cast<double>(bytes_) / 1e6);
}

void DiskBacklog::endGap(CaptureTime end) {
    if (!gap_)
        return;
    const std::chrono::nanoseconds length = std::max(std::chrono::nanoseconds(0), end - *gap_);
    spdlog::warn("pictures are recorded again: {} of them, {:.1f} s, were left out", dropped_ - droppedBefore_,
                 std::chrono::duration<double>(length).count());
    droppedTime_ += length;
    gap_.reset();
}

void DiskBacklog::hand(WriteItem item, std::size_t bytes) {
    sizes_[put_ % sizes_.size()] = bytes;
    bytes_ += bytes;
    out_.put(std::move(item));
    ++put_;
    refresh();  // where the writer waited for it, its place is the next one's
}

void DiskBacklog::endFile(FileEnd end) {
    endGap(end.time);  // what comes after it is no loss
    due_.reset();      // nothing of it came
    end.motion = takeMotion();
    if (std::exchange(fileOpen_, false))
        hand(std::move(end), 0);
}

void DiskBacklog::end(End end) {
    endGap(end.time);
    end.motion = takeMotion();
    hand(std::move(end), 0);
}

std::optional<std::chrono::nanoseconds> DiskBacklog::takeMotion() {
    return std::exchange(motion_, std::nullopt);
}

}  // namespace smartcodec
