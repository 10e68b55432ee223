#include "tests/players/numbered_recording.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <thread>

#include "capture/file_source.h"
#include "capture/scene_overlay.h"
#include "tests/app/segment_list.h"

namespace smartcodec::test {

namespace {

using Form = NumberedRecipe::Form;
using namespace std::chrono_literals;

constexpr const char* kWidth = "160";
constexpr const char* kHeight = "96";
/// Several GOPs and many fragments of what the scene is at that size.
constexpr std::uint64_t kEnoughBytes = 60'000;
constexpr std::uint64_t kMostMoreBytes = 40'000;
constexpr const char* kWholeSeconds = "6";
constexpr const char* kSegment = "2s";
// Of recordings that are killed in a segment: long enough that the kill does not come after its end.
constexpr const char* kLiveSegment = "3s";
constexpr const char* kFastSegment = "20s";
constexpr std::uint64_t kEnoughOfSegment = 15'000;
constexpr std::uint64_t kMostMoreOfSegment = 15'000;
constexpr auto kLimit = 60s;

bool isCut(Form form) {
    return form == Form::Killed || form == Form::RepairedKilled || form == Form::CutOffSegment;
}

bool isSegment(Form form) {
    return form == Form::Segment || form == Form::CutOffSegment;
}

std::uint64_t bytesOf(const std::filesystem::path& file) {
    std::error_code none;
    const std::uintmax_t bytes = std::filesystem::file_size(file, none);
    return none ? 0 : bytes;
}

ProgramOptions numbered() {
    return {.binary = SMARTCODEC_NUMBERED};
}

class Numbers final : public SourceSink {
  public:
    bool deliver(Frame frame) override {
        const Picture& picture = frame->picture;
        pictures.push_back({.time = std::chrono::duration<double>(frame->time.time_since_epoch()).count(),
                            .duration = std::chrono::duration<double>(frame->duration).count(),
                            .number = readFrameNumber(picture.planes[0], picture.size)});
        return true;
    }
    bool deliver(Packet) override { return true; }
    void offer(Frame) override {}

    std::vector<NumberedPicture> pictures;
};

}  // namespace

std::string describe(const NumberedRecipe& recipe) {
    constexpr const char* kForms[] = {"finished",         "killed",  "being recorded", "repaired",
                                      "killed, repaired", "segment", "cut off segment"};
    return recipe.codec + (recipe.live ? " live, " : " with B-frames, ") +
           kForms[static_cast<std::size_t>(recipe.form)];
}

NumberedRecording::NumberedRecording(const NumberedRecipe& recipe)
    : recipe_(recipe), path_(folder_ / (isSegment(recipe.form) ? "s%04i.mp4" : "out.mp4")) {
    arguments_ = {"--scene",  "busy",    "-w",         kWidth,      "-h", kHeight, "--encoder",
                  "software", "--codec", recipe.codec, "--max-gop", "1",  "-o",    path_};
    if (recipe.live)
        arguments_.emplace_back("--realtime");
    if (recipe.form == Form::Segment)
        arguments_.insert(arguments_.end(), {"--segment", kSegment});
    if (recipe.form == Form::CutOffSegment)
        arguments_.insert(arguments_.end(), {"--segment", recipe.live ? kLiveSegment : kFastSegment});
    // one whose end is ours begins when there is time to watch it
    if (!isCut(recipe.form) && recipe.form != Form::UnderWay) {
        std::vector<std::string> all = arguments_;
        all.insert(all.end(), {"--duration", kWholeSeconds});
        recorder_ = std::make_unique<Program>(all, numbered());
    }
}

NumberedRecording::~NumberedRecording() {
    if (recipe_.form == Form::UnderWay && recorder_)
        recorder_->send(SIGCONT);
}

void NumberedRecording::waitUntilThereIsEnough() {
    static std::mt19937 random(62);
    const bool segment = isSegment(recipe_.form);
    const std::string file = segment ? folder_ / "s0002.mp4" : path_;
    const std::uint64_t enough = segment ? kEnoughOfSegment : kEnoughBytes;
    std::uniform_int_distribution<std::uint64_t> more(0, segment ? kMostMoreOfSegment : kMostMoreBytes);
    const std::uint64_t wanted = enough + more(random);
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (bytesOf(file) < wanted) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("the recorder writes nothing: " + recorder_->wait(0s).errors);
        std::this_thread::sleep_for(1ms);  // nobody tells of the bytes in a file
    }
}

void NumberedRecording::endRecorder() {
    if (!recorder_)
        recorder_ = std::make_unique<Program>(arguments_, numbered());
    if (recipe_.form == Form::UnderWay) {
        waitUntilThereIsEnough();
        recorder_->send(SIGSTOP);
        return;
    }
    if (isCut(recipe_.form)) {
        waitUntilThereIsEnough();
        recorder_->send(SIGKILL);
    }
    const ProgramResult result = recorder_->wait(kLimit);
    if (isCut(recipe_.form) ? result.signal != SIGKILL : result.exitStatus != 0)
        throw std::runtime_error("the recorder ended otherwise: " + result.errors);
}

void NumberedRecording::findSegment() {
    if (recipe_.form == Form::CutOffSegment) {
        arguments_.insert(arguments_.end(), {"--frames", "1"});
        if (const ProgramResult next = runProgram(arguments_, numbered()); next.exitStatus != 0)
            throw std::runtime_error("the next recorder does not start: " + next.errors);
    }
    const auto wanted = recipe_.form == Form::Segment ? SegmentRecord::State::Finished : SegmentRecord::State::CutOff;
    const std::vector<SegmentRecord> segments = listedSegments(folder_.path());
    const auto found = std::ranges::find_if(segments, [&](const SegmentRecord& segment) {
        return segment.state == wanted && (wanted == SegmentRecord::State::CutOff || segment.number == 2);
    });
    if (found == segments.end() || !found->sensorStart)
        throw std::runtime_error("the index has no such segment");
    path_ = folder_ / found->file;
    start_ = std::chrono::duration<double>(found->sensorStart->time_since_epoch()).count();
}

void NumberedRecording::finish() {
    endRecorder();
    if (isSegment(recipe_.form))
        findSegment();
    if (recipe_.form == Form::RepairedFinished || recipe_.form == Form::RepairedKilled) {
        if (const ProgramResult repaired = runProgram({"repair", path_}); repaired.exitStatus != 0)
            throw std::runtime_error("repair failed: " + repaired.errors);
    }
}

std::vector<NumberedPicture> picturesOf(const std::string& path) {
    const auto source = openFile({.path = path, .width = {}, .height = {}});
    Numbers numbers;
    // a file that breaks off says so, after its last picture
    (void)source->run(numbers, {}).ok();
    return std::move(numbers.pictures);
}

}  // namespace smartcodec::test
