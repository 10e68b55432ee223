#include "app/pipeline.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <thread>
#include <vector>

#include "app/analysis_stage.h"
#include "app/capture_stage.h"
#include "app/encode_stage.h"
#include "app/hold_stage.h"
#include "app/keeper_stage.h"
#include "app/pipeline_setup.h"
#include "app/segment_plan.h"
#include "app/segment_series.h"
#include "app/sync_stage.h"
#include "app/trace.h"
#include "app/write_stage.h"
#include "capture/unique_fd.h"

namespace smartcodec {

namespace {

// Enough for the stages to work at the same time; each frame of 1080p that waits costs 3 MB.
constexpr std::size_t kCapturedItems = 3;
constexpr std::size_t kJobs = 3;
constexpr std::size_t kPackets = 16;
constexpr std::size_t kBacklogPackets = 16'384;  // what waits for the disk, if not the source does
constexpr std::size_t kPreRollPackets = 240;  // a second: at once, when an event begins; three quarters are for packets
constexpr std::size_t kSpareMaps = kJobs + 2;  // those under way: queued, being made, being encoded

std::unique_ptr<TraceWriter> openTrace(const Settings& settings) {
    return settings.traceFile.empty() ? nullptr : std::make_unique<TraceWriter>(settings.traceFile);
}

std::size_t packetsForDisk(const Settings& settings, bool live) {
    if (!live)
        return kPackets;
    const auto preRoll = settings.events ? settings.events->preRoll : std::chrono::nanoseconds(0);
    return kBacklogPackets +
           kPreRollPackets * static_cast<std::size_t>(std::chrono::ceil<std::chrono::seconds>(preRoll).count());
}

/// Opened last, since it leaves a file: a start that fails before has left nothing.
OpenOutput openFirst(FileSeries& files, const Encoder& encoder, TraceWriter* trace) {
    try {
        return files.open({.parameterSets = encoder.parameterSets()});
    } catch (...) {
        if (trace)
            trace->discard();
        throw;
    }
}

/// What a recording in segments has more than another.
struct Segmenting {
    Segmenting(const Settings& settings, const SourceInfo& source, const ReadClocks& readClocks, FirstFailure& failure,
               bool live)
        : name(settings.output),
          folder(name.folder()),
          times(readClocks ? readClocks : readSystemClocks, source.live),
          index(folder, times),
          plan(*settings.segments, times),
          keeper(*settings.segments, index, failure, live),
          series({.file = fileConfig(settings, source),
                  .name = name,
                  .bytes = settings.segments->bytes,
                  .rotates = settings.segments->rotateWhenFull},
                 {.folder = folder, .index = index, .plan = plan, .keeper = keeper}, times) {}

    const SegmentName name;
    SegmentFolder folder;
    const WallTimes times;
    SegmentIndex index;
    SegmentPlan plan;
    KeeperStage keeper;
    SegmentSeries series;
};

UniqueFd openEvent() {
    UniqueFd event(eventfd(0, EFD_CLOEXEC));
    if (!event)
        throw std::system_error(errno, std::generic_category(), "opening a descriptor for the recording's end");
    return event;
}

std::uint64_t peakMemoryBytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts in kilobytes
}

}  // namespace

struct Recording::State {
    State(const Settings& given, const PipelineParts& parts)
        : settings((checkFiles(given), given)),
          source(openSource(settings, parts)),
          live(isLive(settings, source->info())),
          chosen(openEncoder(settings, source->info(), parts)),
          done(openEvent()),
          jobs(kJobs, EncodeStage::waitingFor(*chosen.encoder)),
          segmenting((parts.beforeOutput ? parts.beforeOutput() : void(),
                      settings.segments
                          ? std::make_unique<Segmenting>(settings, source->info(), parts.readClocks, failure, live)
                          : nullptr)),
          trace(openTrace(settings)),
          files(filesConfig(settings, source->info())),
          packets(packetsForDisk(settings, live)),
          hold(holdConfig(), coded, packets, [this] { keyFrames.ask(); }),
          write(openFirst(series(), *chosen.encoder, trace.get()), series(),
                {.stage = sync, .interval = settings.syncInterval}, packets, failure, survival(parts)) {}

    void start();
    void join();
    [[nodiscard]] std::optional<WriteStage::Survival> survival(const PipelineParts& parts) {
        if (!live)
            return std::nullopt;
        return WriteStage::Survival{.keyFrames = keyFrames,
                                    .parameterSets = chosen.encoder->parameterSets(),
                                    .ending = hold.ending(),
                                    .retries = parts.retries};
    }
    [[nodiscard]] std::chrono::nanoseconds waitingForDisk() const;
    /// The sync's thread, and the last of those that write, tell so; then all is done.
    void endOne() {
        if (--endings == 0)
            (void)eventfd_write(done.get(), 1);  // once: one event always fits
    }
    void endLast(bool keeping) {
        if (keeping)
            segmenting->keeper.end();
        else
            endOne();
    }
    void giveUpStarting();
    [[nodiscard]] FileSeries& series() { return segmenting ? static_cast<FileSeries&>(segmenting->series) : files; }
    [[nodiscard]] HoldStage::Config holdConfig() const;
    [[nodiscard]] RecordingSummary summary() const;

    const Settings settings;
    FirstFailure failure;
    const std::unique_ptr<Source> source;
    const bool live;  // pictures come at their own pace
    const ChosenEncoder chosen;
    const UniqueFd done;

    Queue<CaptureItem> captured{kCapturedItems};
    Queue<JobItem> jobs;
    Queue<HoldItem> coded{kPackets};
    Queue<QpMap> spareMaps{kSpareMaps};

    const std::unique_ptr<Segmenting> segmenting;  // null: the recording is one file
    const std::unique_ptr<TraceWriter> trace;
    KeyFrameRequest keyFrames;
    CaptureStage capture{*source, settings, captured, failure};
    AnalysisStage analysis{settings,    source->info(), {captured, jobs, spareMaps},
                           trace.get(), failure,        segmenting ? &segmenting->plan : nullptr,
                           &keyFrames};
    EncodeStage encode{*chosen.encoder, {jobs, coded, spareMaps}, failure};
    OutputSeries files;
    SyncStage sync{failure, live};
    Queue<WriteItem> packets;
    HoldStage hold;
    WriteStage write;  // opened last, since it leaves a file: a start that fails before has left nothing

    std::atomic<int> endings{2};       // to come
    std::atomic<bool> stopped{false};  // set by whoever stops it
    std::atomic<std::chrono::nanoseconds> stoppedAt{std::chrono::nanoseconds::max()};
    Stopwatch running;
    std::chrono::nanoseconds wallTime{0};
    std::vector<std::jthread> threads;
};

/// From the file back to the source, so that whoever hands on is heard. Where the system gives no thread, those that
/// run already are told that nothing will come.
void Recording::State::start() {
    running = {};
    try {
        threads.reserve(7);  // or one might be lost that runs already
        if (segmenting)
            threads.emplace_back([this] {
                segmenting->keeper.run();
                endOne();
            });
        threads.emplace_back([this] {
            sync.run();
            endOne();
        });
        threads.emplace_back([this] {
            write.run();
            if (!segmenting)
                endOne();
        });
        threads.emplace_back([this] { hold.run(); });
        threads.emplace_back([this] { encode.run(); });
        threads.emplace_back([this] { analysis.run(); });
        threads.emplace_back([this] { capture.run(); });
    } catch (const std::exception& error) {  // of the system, or no memory
        failure.report(std::string("starting a thread: ") + error.what());
        giveUpStarting();
    }
}

void Recording::State::giveUpStarting() {
    const bool keeping = segmenting && !threads.empty();
    const End end;
    switch (threads.size() - (keeping ? 1 : 0)) {
        case 1:
            sync.end();
            endLast(keeping);
            break;
        case 0:
            endOne();  // for the sync
            endLast(keeping);
            break;
        case 2:
            packets.put(end);
            break;
        case 3:
            coded.put(end);
            break;
        case 4:
            jobs.put(end);
            break;
        default:
            captured.put(end);
    }
}

/// The order of stopping: the source ends, by itself or asked to, and puts End; each stage deals with all that came
/// before End, hands it on, and returns.
void Recording::State::join() {
    for (std::jthread& thread : threads)
        thread.join();
    threads.clear();
    wallTime = running.elapsed();
}

HoldStage::Config Recording::State::holdConfig() const {
    return {.mayDrop = live,
            .events = settings.events,
            .firstEvent = segmenting ? segmenting->index.nextEvent() : 1,
            .parameterSets = chosen.encoder->parameterSets()};
}

std::chrono::nanoseconds Recording::State::waitingForDisk() const {
    const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
    const std::chrono::nanoseconds sinceStop = now - std::min(now, stoppedAt.load(std::memory_order_relaxed));
    const auto ending = std::max(sinceStop, capture.sinceEnd());
    const auto keeping = segmenting ? segmenting->keeper.waiting() : std::chrono::nanoseconds(0);
    return live ? std::min(ending, std::max({write.waiting(), sync.waiting(), keeping})) : std::chrono::nanoseconds(0);
}

RecordingSummary Recording::State::summary() const {
    RecordingSummary summary;
    summary.source = source->info().name;
    summary.output = settings.output;
    summary.files = write.files();
    summary.encoder = chosen.encoder->capabilities().name;
    summary.size = source->info().size;
    summary.framesIn = capture.frames();
    summary.framesRecorded = write.pictures();
    summary.framesDroppedAtSource = capture.dropped();
    // one that failed is dropped only where it is missing among the others
    const SourceReport report = source->report();
    summary.framesFailed = std::min(report.failed, capture.dropped());
    summary.framesDiskBusy = hold.busyPictures();
    const std::uint64_t accounted = write.pictures() + hold.busyPictures() + hold.idlePictures();
    summary.framesLost = encode.jobs() - std::min(encode.jobs(), accounted);
    summary.framesLostToDisk = write.picturesLost();
    summary.diskOutages = write.outages();
    summary.timeLost = std::min<std::chrono::nanoseconds>(write.timeLost() + hold.busyTime(), capture.duration());
    if (settings.events)
        summary.events =
            EventSummary{.count = hold.events(), .time = hold.eventTime(), .framesBetween = hold.idlePictures()};
    summary.framesUnseen = analysis.unseen();
    summary.framesUnstabilised = analysis.unstabilised();
    summary.recordedByReason = analysis.recorded();
    summary.droppedByReason = analysis.dropped();
    summary.keyFramesByReason = analysis.keyFrames();
    summary.bytes = write.bytes();
    if (segmenting) {
        summary.bytes += segmenting->keeper.addedBytes();
        summary.segments = SegmentSummary{.index = segmenting->folder.pathOf(SegmentIndex::kFileName),
                                          .written = write.fileCount(),
                                          .removed = segmenting->keeper.removed()};
    }
    summary.videoBytes = write.videoBytes();
    if (settings.smart.bitrate)
        summary.comparedRate = settings.maxBitrate;
    summary.duration = capture.duration();
    summary.wallTime = wallTime;
    summary.longestHold = encode.longestHold();
    summary.longestKeyGap = encode.longestKeyGap();
    summary.capture = capture.time();
    summary.capture.total += report.converting;
    summary.capture.count += report.converted;
    summary.analysis = analysis.analysisTime();
    summary.stabilising = analysis.stabilisingTime();
    summary.encoding = encode.time();
    summary.writing = write.time();
    summary.peakMemoryBytes = peakMemoryBytes();
    summary.stopped = stopped;
    summary.failure = failure.message();
    std::string trouble = failure.trouble();
    if (trouble.empty() && summary.framesDiskBusy > 0)
        trouble = "the disk was too slow for the recording";
    const std::uint64_t lacks = summary.framesLostToDisk + summary.framesDiskBusy;
    if (summary.failure.empty() && !trouble.empty())
        summary.failure = trouble + ". The recording went on" +
                          (lacks > 0 ? ", and lacks " + std::to_string(lacks) + " pictures" : std::string());
    return summary;
}

Recording::Recording(const Settings& settings, const PipelineParts& parts)
    : state_(std::make_unique<State>(settings, parts)) {}

Recording::~Recording() {
    stop();
    state_->join();
}

void Recording::start() {
    state_->start();
}

void Recording::stop() {
    state_->stoppedAt = std::chrono::steady_clock::now().time_since_epoch();
    state_->stopped = true;
    state_->failure.stopSource().request_stop();
}

void Recording::signalEvent() {
    state_->analysis.signalEvent();
}

int Recording::doneDescriptor() const {
    return state_->done.get();
}

std::chrono::nanoseconds Recording::waitingForDisk() const {
    return state_->waitingForDisk();
}

Progress Recording::progress() const {
    return {.framesIn = state_->capture.frames(),
            .framesRecorded = state_->write.pictures(),
            .bytes = state_->write.bytes(),
            .sourceTime = state_->capture.duration(),
            .duration = expectedDuration(state_->settings, state_->source->info())};
}

std::vector<std::string> Recording::notes() const {
    std::vector<std::string> notes;
    for (const std::vector<std::string>* some :
         {&state_->chosen.notes, &state_->source->info().notes, &state_->write.leftOut()}) {
        for (const std::string& note : *some) {
            if (std::find(notes.begin(), notes.end(), note) == notes.end())
                notes.push_back(note);
        }
    }
    return notes;
}

RecordingSummary Recording::finish() {
    state_->join();
    RecordingSummary summary = state_->summary();
    if (state_->trace && !state_->trace->finish())
        summary.warning = state_->settings.traceFile + ": the trace could not be written to its end: is the disk full?";
    if (!summary.isRecording()) {
        std::error_code error;
        if (!summary.segments && std::filesystem::is_regular_file(summary.output, error))
            std::filesystem::remove(summary.output, error);
        if (summary.failure.empty())
            summary.failure = summary.stopped ? "stopped before the first frame: nothing was recorded"
                                              : summary.source + ": holds no picture: nothing was recorded";
    }
    return summary;
}

RecordingSummary record(const Settings& settings, std::stop_token stop, const PipelineParts& parts) {
    Recording recording(settings, parts);
    const std::stop_callback stopper(stop, [&recording] { recording.stop(); });
    recording.start();
    return recording.finish();
}

}  // namespace smartcodec
