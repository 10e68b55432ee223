#include "app/keeper_stage.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "mux/output_file.h"

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

KeeperStage::KeeperStage(const SegmentSettings& settings, SegmentIndex& index, FirstFailure& failure, bool survives)
    : limits_(settings.keep),
      rotates_(settings.rotateWhenFull),
      survives_(survives),
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
    {
        const DiskWatch::Busy busy(watch_);
        if (const std::error_code error = index_.settle())
            spdlog::warn("the index lacks the end of the recording: {}; the next one enters it", error.message());
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
    const DiskWatch::Busy busy(watch_);
    FileWriter& writer = *ended.output.writer;
    const std::uint64_t before = writer.bytesWritten();
    Status status;
    try {
        status = writer.close();
    } catch (const std::exception& error) {
        status = Status::failure("closing '" + ended.output.path + "': " + error.what());
    }
    if (!status.ok() && !ended.isTold)
        tell(status);
    addedBytes_ += writer.bytesWritten() - before;
    std::error_code unknown;  // what a sick disk would not cut off is there too
    const std::uintmax_t bytes = std::filesystem::file_size(ended.output.path, unknown);
    ended.record.bytes = unknown ? writer.bytesWritten() : bytes;
    ended.record.state = writer.isWhole() ? SegmentRecord::State::Finished : SegmentRecord::State::CutOff;
    std::error_code error = index_.update(ended.record);
    while (isDiskFull(error) && rotates_ && index_.removeOldest())
        error = index_.update(ended.record);
    // As the file itself, which is on the disk.
    if (const UniqueFd index = index_.duplicate(); !error && index && ::fdatasync(index.get()) != 0) {
        error = {errno, std::generic_category()};
        index_.distrust();
    }
    if (error && !ended.isTold)
        spdlog::warn("the index lacks the end of {}: {}; it is entered as soon as that can be done", ended.output.path,
                     error.message());
    kept_.fetch_add(1, std::memory_order_release);
    kept_.notify_all();
    if (hook_ && writer.isWhole())  // what a full disk ended is, too
        hook_->run(ended.output.path);
    retain();
}

void KeeperStage::tell(const Status& status) {
    if (!survives_ || isDiskFull(status.code()))
        return failure_.report(status.message());
    failure_.note(status.message());
    spdlog::error("{}. What is in it plays, and the recording goes on", status.message());
}

void KeeperStage::retain() {
    const DiskWatch::Busy busy(watch_);
    lastLook_ = std::chrono::steady_clock::now();
    try {
        removed_ += index_.retain(limits_);
    } catch (const std::exception& error) {  // no memory, say
        spdlog::warn("old segments were not removed: {}", error.what());
    }
}

}  // namespace smartcodec
