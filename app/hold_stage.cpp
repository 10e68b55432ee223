#include "app/hold_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace smartcodec {

namespace {

/// Sound that waits for a picture which does not come: a source's sound may be longer than its pictures.
constexpr std::size_t kSoundBytes = 4'000'000;
/// An event begins somewhat before it is noticed.
constexpr std::chrono::seconds kNotice(1);

SharedSets share(std::span<const std::byte> sets) {
    return std::make_shared<const std::vector<std::byte>>(sets.begin(), sets.end());
}

}  // namespace

HoldStage::HoldStage(const Config& config, Queue<HoldItem>& in, Queue<WriteItem>& out,
                     std::function<void()> askForKeyFrame)
    : config_(config),
      in_(in),
      askForKeyFrame_(std::move(askForKeyFrame)),
      backlog_({.mayDrop = config.mayDrop, .bytes = config.backlogBytes}, out, askForKeyFrame_),
      ring_(config.preRollBytes),
      sets_(share(config.parameterSets)) {}

void HoldStage::run() {
    if (config_.events)
        backlog_.endFile({});  // the one that the recording began with: there is nothing for it yet
    for (;;) {
        HoldItem item = in_.take();
        if (auto* picture = std::get_if<Encoded>(&item)) {
            take(std::move(*picture));
        } else if (auto* sound = std::get_if<Packet>(&item)) {
            take(std::move(*sound));
        } else if (auto* file = std::get_if<NewFile>(&item)) {
            take(std::move(*file));
        } else if (auto* end = std::get_if<End>(&item)) {
            finish(std::move(*end));
            return;
        }
    }
}

void HoldStage::take(Encoded picture) {
    const CaptureTime time = picture.packet.presentation;
    first_ = first_.value_or(time);
    newest_ = std::max(newest_, time);
    if (picture.packet.keyFrame)
        releaseSound(time - CaptureTime::duration(1));  // which is shown with the GOP before
    if (picture.packet.keyFrame && event_ && time >= until_ && !(picture.mark && picture.mark->from < until_))
        endEvent(time);
    if (picture.mark)
        note(*picture.mark);
    if (picture.packet.keyFrame)
        beginGop(time);
    put({.packet = std::move(picture.packet), .motion = picture.motion});
    releaseSound(time);
    if (config_.events && !event_)
        keepRing(newest_);
}

void HoldStage::take(Packet sound) {
    if (!config_.events && !config_.mayDrop) {
        backlog_.put(std::move(sound));
        return;
    }
    soundBytes_ += memoryOf(sound);
    sound_.push_back(std::move(sound));
    while (soundBytes_ > kSoundBytes)
        releaseSound(sound_.front().presentation);
}

/// Up to and with that time.
void HoldStage::releaseSound(CaptureTime until) {
    while (!sound_.empty() && sound_.front().presentation <= until) {
        soundBytes_ -= memoryOf(sound_.front());
        put({.packet = std::move(sound_.front())});
        sound_.pop_front();
    }
}

/// Its key frame is the next picture.
void HoldStage::take(NewFile file) {
    if (config_.events && !std::ranges::equal(*sets_, file.parameterSets))
        sets_ = share(file.parameterSets);
    segment_ = std::max(segment_, file.segment);
    file_ = std::move(file);
}

void HoldStage::beginGop(CaptureTime start) {
    inGop_ = true;
    asked_ = false;
    if (!config_.events) {
        (void)backlog_.beginGop(start, std::exchange(file_, std::nullopt));
    } else if (event_) {
        handOnGop(start, sets_);
    } else {
        file_.reset();
        ring_.beginGop(start, sets_);
    }
}

void HoldStage::put(HeldPacket held) {
    if (!config_.events) {
        backlog_.put(std::move(held.packet), held.motion);
    } else if (!inGop_) {
        idlePictures_ += held.packet.stream == 0 ? 1 : 0;
    } else if (event_) {
        backlog_.put(std::move(held.packet), held.motion);
    } else {
        inGop_ = ring_.put(std::move(held));
    }
}

void HoldStage::note(const EventMark& mark) {
    if (!config_.events)
        return;
    if (event_) {
        event_->cause = event_->cause | mark.cause;
        until_ = std::max(until_, mark.until);
        return;
    }
    event_ = EventNote{.number = config_.firstEvent + events_, .cause = mark.cause};
    ++events_;
    until_ = mark.until;
    eventStart_.reset();
    beginEvent(mark.from - config_.events->preRoll);
}

void HoldStage::beginEvent(CaptureTime from) {
    ring_.trim(from);
    while (std::optional<HeldGop> gop = ring_.take()) {
        handOnGop(gop->start, gop->sets);
        for (HeldPacket& held : gop->packets)
            backlog_.put(std::move(held.packet), held.motion);
        ring_.reuse(std::move(*gop));
    }
}

/// Of an event.
void HoldStage::handOnGop(CaptureTime start, const SharedSets& sets) {
    const bool first = !eventStart_;
    const bool cut = file_ && file_->segment != 0;
    file_.reset();
    if (!first && !cut && sets == fileSets_) {
        (void)backlog_.beginGop(start, std::nullopt);
        return;
    }
    eventStart_ = eventStart_.value_or(start);
    fileSets_ = sets;
    (void)backlog_.beginGop(start, NewFile{.parameterSets = *sets,
                                           .start = start,
                                           .segment = first || cut ? segment_ : 0,
                                           .event = event_,
                                           .recordingStart = first_});
}

void HoldStage::endEvent(CaptureTime time) {
    backlog_.endFile({.time = time, .event = event_});
    eventTime_ += time - eventStart_.value_or(time);
    event_.reset();
    inGop_ = false;
}

/// As far back as an event that is noticed next may reach.
void HoldStage::keepRing(CaptureTime newest) {
    const CaptureTime from = newest - config_.events->preRoll;
    ring_.trim(from - kNotice);
    if (ring_.wantsKeyFrame() && !std::exchange(asked_, true))
        askForKeyFrame_();
    const bool isShort = ring_.droppedForRoom() && (!ring_.start() || *ring_.start() > from);
    if (isShort && !std::exchange(saidShort_, true))
        spdlog::warn(
            "{:.0f} MB hold only {:.1f} s of this video: events begin with less of what was before them than "
            "--pre-roll asks for; a lower --max-bitrate helps",
            static_cast<double>(config_.preRollBytes) / 1e6,
            std::chrono::duration<double>(newest - ring_.start().value_or(newest)).count());
}

void HoldStage::finish(End end) {
    if (end.mark)
        note(*end.mark);
    releaseSound(CaptureTime::max());
    if (event_)
        eventTime_ += end.time - eventStart_.value_or(end.time);
    end.event = event_;
    ring_.clear();
    ending_.request_stop();
    backlog_.end(std::move(end));
}

}  // namespace smartcodec
