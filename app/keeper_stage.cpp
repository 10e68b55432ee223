#include "app/keeper_stage.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

namespace smartcodec {

namespace {

/// More than are ever done while one is closed.
constexpr std::size_t kWaitingSegments = 64;
/// Between two looks at what the disk has left, and at how old the oldest segment is.
constexpr std::chrono::seconds kLook(10);
/// Where the system does not tell when a command has ended.
constexpr std::chrono::milliseconds kCommandLook(200);
/// For commands, once the recording is over.
constexpr std::chrono::seconds kLastWait(5);

}  // namespace

KeeperStage::KeeperStage(const SegmentSettings& settings, SegmentIndex& index, FirstFailure& failure)
    : limits_(settings.keep),
      rotates_(settings.rotateWhenFull),
      index_(index),
      failure_(failure),
      items_(kWaitingSegments, QueueWaiting::Descriptor) {
    if (!settings.command.empty())
        hook_.emplace(settings.command);
}

void KeeperStage::run() {
    retain();
    for (;;) {
        Item item;
        while (!items_.takeOrArm(item))
            wait();
        if (std::holds_alternative<End>(item))
            break;
        if (auto* ended = std::get_if<Ended>(&item))
            keep(std::move(*ended));
    }
    if (hook_)
        hook_->finish(kLastWait);
    hook_.reset();
}

/// For the next segment, and meanwhile for all else that wants attention.
void KeeperStage::wait() {
    std::vector<pollfd> descriptors{{.fd = items_.descriptor(), .events = POLLIN, .revents = 0}};
    int timeout = -1;
    if (limits_.any()) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(lastLook_ + kLook - std::chrono::steady_clock::now());
        timeout = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    if (hook_) {
        for (const int descriptor : hook_->descriptors()) {
            descriptors.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
            if (descriptor < 0)
                timeout = static_cast<int>(kCommandLook.count());
        }
    }
    (void)::poll(descriptors.data(), descriptors.size(), timeout);  // fails only when interrupted
    if (hook_)
        hook_->attend();
    if (limits_.any() && std::chrono::steady_clock::now() - lastLook_ >= kLook)
        retain();
}

void KeeperStage::keep(Ended ended) {
    FileWriter& writer = *ended.output.writer;
    const std::uint64_t before = writer.bytesWritten();
    Status status;
    try {
        status = writer.close();
    } catch (const std::exception& error) {
        status = Status::failure("closing '" + ended.output.path + "': " + error.what());
    }
    if (!status.ok())
        failure_.report(status.message());
    addedBytes_ += writer.bytesWritten() - before;
    ended.record.bytes = writer.bytesWritten();
    ended.record.state = status.ok() ? SegmentRecord::State::Finished : SegmentRecord::State::CutOff;
    std::error_code error = index_.update(ended.record);
    while (error && rotates_ && index_.removeOldest())
        error = index_.update(ended.record);
    // As the file itself, which is on the disk.
    if (const UniqueFd index = index_.duplicate(); !error && index && ::fdatasync(index.get()) != 0)
        error = {errno, std::generic_category()};
    if (error)
        spdlog::warn("the index lacks the end of {}: {}; the next recording enters it", ended.output.path,
                     error.message());
    kept_.fetch_add(1, std::memory_order_release);
    kept_.notify_all();
    if (hook_)  // what a full disk ended is whole too
        hook_->run(ended.output.path);
    retain();
}

void KeeperStage::retain() {
    lastLook_ = std::chrono::steady_clock::now();
    try {
        removed_ += index_.retain(limits_);
    } catch (const std::exception& error) {  // no memory, say
        spdlog::warn("old segments were not removed: {}", error.what());
    }
}

}  // namespace smartcodec
