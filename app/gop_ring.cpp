#include "app/gop_ring.h"

#include <utility>

#include "app/disk_backlog.h"

namespace smartcodec {

namespace {

/// The ring is to have so many GOPs at least, or letting go of one costs much of its length.
constexpr std::size_t kFewestGops = 4;
/// What is kept for those that come.
constexpr std::size_t kSpareGops = 16;

}  // namespace

void GopRing::beginGop(CaptureTime start, SharedSets sets) {
    droppedForRoom_ = droppedForRoom_ && !gops_.empty();
    HeldGop gop;
    if (!spare_.empty()) {
        gop = std::move(spare_.back());
        spare_.pop_back();
    }
    gop.start = start;
    gop.sets = std::move(sets);
    gops_.push_back(std::move(gop));
}

bool GopRing::put(HeldPacket packet) {
    HeldGop& gop = gops_.back();
    const std::size_t bytes = memoryOf(packet.packet);
    gop.pictures += packet.packet.stream == 0 ? 1 : 0;
    gop.bytes += bytes;
    bytes_ += bytes;
    gop.packets.push_back(std::move(packet));
    droppedForRoom_ = droppedForRoom_ || bytes_ > mostBytes_;
    while (bytes_ > mostBytes_)
        dropOldest();
    return !gops_.empty();
}

void GopRing::trim(CaptureTime from) {
    while (gops_.size() > 1 && gops_[1].start <= from)
        dropOldest();
}

void GopRing::clear() {
    while (!gops_.empty())
        dropOldest();
}

void GopRing::dropOldest() {
    std::optional<HeldGop> gop = take();
    dropped_ += gop->pictures;
    reuse(std::move(*gop));
}

std::optional<HeldGop> GopRing::take() {
    if (gops_.empty())
        return std::nullopt;
    HeldGop gop = std::move(gops_.front());
    gops_.pop_front();
    bytes_ -= gop.bytes;
    return gop;
}

void GopRing::reuse(HeldGop gop) {
    gop.packets.clear();
    if (spare_.size() < kSpareGops)
        spare_.push_back({.packets = std::move(gop.packets)});
}

std::optional<CaptureTime> GopRing::start() const {
    return gops_.empty() ? std::nullopt : std::optional(gops_.front().start);
}

bool GopRing::wantsKeyFrame() const {
    return !gops_.empty() && gops_.back().bytes > mostBytes_ / kFewestGops;
}

}  // namespace smartcodec
