#include "app/analysis_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "capture/mapping.h"

namespace smartcodec {

namespace {

DeciderConfig deciderConfig(const Settings& settings, Size size) {
    DeciderConfig config;
    config.width = size.width;
    config.height = size.height;
    config.smartFrameRate = settings.smart.frameRate;
    config.smartGop = settings.smart.gop;
    config.smartBitrate = settings.smart.bitrate;
    config.smartRoi = settings.smart.roi;
    config.minFrameRate = settings.minFrameRate;
    config.maxGop = settings.maxGop;
    config.levels = settings.levels;
    if (settings.smart.stabilize)  // otherwise the noise is wanted
        config.quality = settings.quality;
    return config;
}

PlainDecider::Config plainConfig(const Settings& settings) {
    return {.smartGop = settings.smart.gop, .maxGop = settings.maxGop, .bitrate = settings.levels.back()};
}

// How many pictures on dmabufs the stabiliser's pace is judged by. The first of them allocate.
constexpr std::size_t kJudgedPictures = 9;

std::optional<StabiliserConfig> stabiliserConfig(const Settings& settings, const SourceInfo& source) {
    if (!settings.smart.stabilize || !is420(source.format))
        return std::nullopt;
    return StabiliserConfig{.width = source.size.width,
                            .height = source.size.height,
                            .layout = source.format == kNv12 ? ChromaLayout::Interleaved : ChromaLayout::Planar};
}

/// A third of the time between frames.
std::chrono::nanoseconds stabiliserBudget(FrameRate rate) {
    return std::chrono::nanoseconds(rate.known() ? 1'000'000'000LL * rate.denominator / rate.numerator / 3 : 0);
}

const char* describe(Shedding shedding) {
    switch (shedding) {
        case Shedding::Stabiliser:
            return "pictures are recorded with their noise";
        case Shedding::EverySecondLook:
            return "every second frame is recorded without a look at it";
        case Shedding::MostLooks:
            return "three of four frames are recorded without a look at them; where frames are lost even so, a smaller "
                   "-w, a lower --fps or --codec h264 helps";
        case Shedding::Nothing:
            break;
    }
    return "";
}

std::uint8_t* bytes(const Plane& plane) {
    return reinterpret_cast<std::uint8_t*>(plane.data);
}

/// Throws where it cannot be mapped; the caller does without then.
Mapping mapped(const Picture& picture, Mapping::Access access) {
    Mapping mapping;
    if (const Status status = mapping.open(picture, access); !status.ok())
        throw std::runtime_error(status.message());
    return mapping;
}

LumaView lumaView(const Picture& picture) {
    const Plane& plane = picture.planes[0];
    return {bytes(plane), picture.size.width, picture.size.height, static_cast<std::ptrdiff_t>(plane.strideBytes)};
}

YuvView yuvView(const Picture& picture) {
    const auto& planes = picture.planes;
    return {.luma = bytes(planes[0]),
            .lumaStrideBytes = static_cast<std::ptrdiff_t>(planes[0].strideBytes),
            .chroma = {bytes(planes[1]), bytes(planes[2])},
            .chromaStrideBytes = static_cast<std::ptrdiff_t>(planes[1].strideBytes)};
}

}  // namespace

AnalysisStage::AnalysisStage(const Settings& settings, const SourceInfo& source, const Queues& queues,
                             TraceWriter* trace, FirstFailure& failure, SegmentPlan* segments,
                             KeyFrameRequest* requests)
    : queues_(queues),
      trace_(trace),
      failure_(failure),
      segments_(segments),
      requests_(requests),
      decider_(deciderConfig(settings, source.size)),
      plainDecider_(plainConfig(settings)),
      stabiliserConfig_(stabiliserConfig(settings, source)),
      pool_(source.format, source.size),
      stabiliserBudget_(stabiliserBudget(source.frameRate)) {
    if (settings.smart != SmartFunctions::none())
        analyzer_.emplace(AnalyzerConfig{.width = source.size.width, .height = source.size.height});
    if (stabiliserConfig_)
        stabiliser_.emplace(*stabiliserConfig_);
    if (settings.smart.stabilize && !stabiliserConfig_)
        spdlog::info("{}: its {} pictures are not for the stabiliser, which works on 4:2:0", source.name,
                     name(source.format));
    if (analyzer_ && (source.live || settings.realtime))
        shedder_.emplace(queues.in.capacity());
    firstPictures_.reserve(kJudgedPictures);
}

void AnalysisStage::run() {
    for (;;) {
        CaptureItem item = queues_.in.take();
        if (auto* end = std::get_if<End>(&item)) {
            if (failedAt_)
                *end = {.time = std::min(end->time, *failedAt_), .cut = true};
            queues_.out.put(*end);
            return;
        }
        if (failedAt_)
            continue;
        const auto* frame = std::get_if<Frame>(&item);
        const auto* packet = std::get_if<Packet>(&item);
        const CaptureTime time = frame ? (*frame)->time : packet ? packet->presentation : CaptureTime{};
        try {
            pass(std::move(item));
        } catch (const std::exception& error) {
            failedAt_ = time;
            failure_.report(std::string("preparing a picture: ") + error.what());
        }
    }
}

void AnalysisStage::pass(CaptureItem item) {
    if (auto* packet = std::get_if<Packet>(&item)) {
        queues_.out.put(std::move(*packet));
    } else if (auto* frame = std::get_if<Frame>(&item)) {
        if (std::optional<Job> job = process(std::move(*frame)))
            queues_.out.put(std::move(*job));
    }
}

std::optional<Job> AnalysisStage::process(Frame frame) {
    const Stopwatch working;
    if (!first_)
        first_ = frame->time;
    shed(frame);
    segmentDue_ = segments_ && segments_->isDue(frame->time);
    const Decision& decision = decide(frame);
    noteMotion(frame, decision);
    analysisTime_.add(working.elapsed());
    count(decision);
    if (trace_)
        trace_->write(frame->sequence, frame->time - *first_, decision);
    if (!decision.record) {
        learn(frame);
        return std::nullopt;
    }
    if (looking_)
        frame = stabilise(std::move(frame), decision);
    if (analyzer_ && looking_)
        decider_.recorded(*analyzer_);
    return makeJob(std::move(frame), decision);
}

/// What is left undone for this frame, and what is said of it.
void AnalysisStage::shed(const Frame& frame) {
    if (!shedder_ || !analyzer_)
        return;
    const Shedding before = shedder_->current();
    // a camera may have fewer buffers than the queues have room: what is lost next is the same
    const std::size_t waiting = frame->starving ? queues_.in.capacity() : queues_.in.waiting();
    const Shedding now = shedder_->update(frame->time.time_since_epoch(), waiting);
    if (now > before)
        spdlog::warn("this machine cannot keep up: {}", describe(now));
    else if (now < before)
        spdlog::info("this machine keeps up again{}{}", now == Shedding::Nothing ? "" : ", but still ", describe(now));
    if (stabiliserConfig_ && before == Shedding::Nothing && now != Shedding::Nothing)
        stabiliser_.reset();
    else if (stabiliserConfig_ && before != Shedding::Nothing && now == Shedding::Nothing)
        stabiliser_.emplace(*stabiliserConfig_);  // anew: what it knew of the scene is past
    unstabilised_ += stabiliserConfig_ && now != Shedding::Nothing ? 1 : 0;
    looking_ = isLookedAt(now, number_++);
    unseen_ += looking_ ? 0 : 1;
}

const Decision& AnalysisStage::decide(const Frame& frame) {
    const auto time = frame->time.time_since_epoch();
    if (requests_ && requests_->take())
        request(KeyFrameReason::Requested);
    if (segmentDue_)
        request(KeyFrameReason::Segment);
    if (analyzer_ && looking_) {
        try {
            const Decision& decision = decideByAnalysis(frame);
            plainDecider_.follow(time, decision);
            return decision;
        } catch (const std::exception& error) {
            giveUpAnalysing(frame, error);
        }
    }
    return plainDecider_.decide(time, frame->duration);
}

/// Of whoever decides about this frame.
void AnalysisStage::request(KeyFrameReason reason) {
    plainDecider_.requestKeyFrame(reason);
    if (analyzer_ && looking_)
        decider_.requestKeyFrame(reason);
}

const Decision& AnalysisStage::decideByAnalysis(const Frame& frame) {
    const Mapping mapping =
        mapped(frame->analysisPicture ? *frame->analysisPicture : frame->picture, Mapping::Access::Read);
    analyzer_->measure(lumaView(mapping.picture()), {.time = frame->time.time_since_epoch(),
                                                     .duration = frame->duration,
                                                     .sensorGain = frame->sensor.gain,
                                                     .exposure = frame->sensor.exposure});
    return decider_.decide(*analyzer_);
}

void AnalysisStage::giveUpAnalysing(const Frame& frame, const std::exception& error) {
    spdlog::warn("analysing the picture at {:.3f} s failed: {}: every frame is recorded from here on",
                 std::chrono::duration<double>(frame->time - *first_).count(), error.what());
    analyzer_.reset();
    stabiliserConfig_.reset();  // it relies on the analysis
    stabiliser_.reset();
}

Frame AnalysisStage::stabilise(Frame frame, const Decision& decision) {
    if (!stabiliser_)
        return frame;
    const Stopwatch working;
    try {
        const bool inPlace = frame->picture.writable;
        Frame result = inPlace ? Frame() : pool_.make(*frame);
        const Mapping in = mapped(frame->picture, inPlace ? Mapping::Access::ReadWrite : Mapping::Access::Read);
        const YuvView out = yuvView(inPlace ? in.picture() : result->picture);
        stabiliser_->process(yuvView(in.picture()), out, *analyzer_, decision);
        const auto taken = working.elapsed();
        stabilisingTime_.add(taken);
        if (frame->picture.planes[0].dmabuf >= 0)
            checkStabiliserPace(taken);
        return inPlace ? std::move(frame) : std::move(result);
    } catch (const std::exception& error) {
        giveUpStabilising(error);
        return frame;
    }
}

/// By the median of its first pictures, which are those of a scene that is new to it: the slowest there are.
void AnalysisStage::checkStabiliserPace(std::chrono::nanoseconds time) {
    if (firstPictures_.size() >= kJudgedPictures || stabiliserBudget_.count() == 0)
        return;
    firstPictures_.push_back(time);
    if (firstPictures_.size() < kJudgedPictures)
        return;
    const auto median = firstPictures_.begin() + kJudgedPictures / 2;
    std::nth_element(firstPictures_.begin(), median, firstPictures_.end());
    if (*median <= stabiliserBudget_)
        return;
    using Milliseconds = std::chrono::duration<double, std::milli>;
    spdlog::info(
        "the stabiliser takes {:.1f} ms for a picture of this camera, more than a third of the time between "
        "two ({:.1f} ms): pictures are recorded with their noise",
        Milliseconds(*median).count(), Milliseconds(stabiliserBudget_).count());
    stabiliserConfig_.reset();
    stabiliser_.reset();
}

void AnalysisStage::learn(const Frame& frame) {
    if (!stabiliser_)
        return;
    const Stopwatch working;
    try {
        const Mapping in = mapped(frame->picture, Mapping::Access::Read);
        stabiliser_->learn(yuvView(in.picture()), *analyzer_);
        stabilisingTime_.add(working.elapsed());
    } catch (const std::exception& error) {
        giveUpStabilising(error);
    }
}

void AnalysisStage::giveUpStabilising(const std::exception& error) {
    spdlog::warn("stabilising failed: {}: pictures are recorded as they come from here on", error.what());
    stabiliserConfig_.reset();
    stabiliser_.reset();
}

void AnalysisStage::count(const Decision& decision) {
    ++(decision.record ? recorded_ : dropped_)[decision.reason];
    if (decision.record && decision.keyFrame)
        ++keyFrames_[decision.keyFrameReason];
}

/// A frame that is not looked at moves as the one before did.
void AnalysisStage::noteMotion(const Frame& frame, const Decision& decision) {
    if (analyzer_ && looking_)
        moving_ = decision.reason == FrameReason::Motion || decision.reason == FrameReason::CameraMoved ||
                  decision.reason == FrameReason::SceneCut;
    const auto since = last_ ? frame->time - *last_ : std::chrono::nanoseconds(0);
    last_ = frame->time;
    if (analyzer_)
        motion_ = moving_ ? since : std::chrono::nanoseconds(0);
    else
        motion_.reset();
}

Job AnalysisStage::makeJob(Frame frame, const Decision& decision) {
    const CaptureTime time = frame->time;
    Job job{.frame = std::move(frame),
            .keyFrame = decision.keyFrame,
            .bitrate = decision.bitrate,
            .qpMap = {},
            .motion = motion_};
    if (segmentDue_ && decision.keyFrame)
        job.segment = segments_->begin(time);
    (void)queues_.spareMaps.tryTake(job.qpMap);  // none: the map starts with new memory
    job.qpMap = decision.qpMap;
    return job;
}

}  // namespace smartcodec
