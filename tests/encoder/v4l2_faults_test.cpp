#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <compare>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kFrames = 60;
// One failure may cost the frames that were inside without their pictures being here any more, and those after them up
// to the next key frame.
constexpr std::size_t kMostLost = 5;

/// A kind of system call, and the queue that it is about.
struct Call {
    unsigned long request = 0;  ///< of an ioctl; else 0
    const char* name = "";
    bool output = false;

    friend std::strong_ordering operator<=>(const Call& a, const Call& b) {
        return std::tuple(a.request, std::string_view(a.name), a.output) <=>
               std::tuple(b.request, std::string_view(b.name), b.output);
    }
    friend bool operator==(const Call& a, const Call& b) { return (a <=> b) == std::strong_ordering::equal; }
};

/// What the kernel can answer to a call: from the drivers and frameworks that handle it (v4l2-ioctl.c, videobuf2,
/// v4l2-mem2mem, v4l2-ctrls) and from a device that has gone. That a mapping cannot be undone is not among it.
struct Answers {
    unsigned long request;
    const char* name;
    std::vector<int> errors;
};
const std::vector<Answers>& answers() {
    static const std::vector<Answers> kAnswers{
        {0, "open", {EACCES, EBUSY, EINTR, EIO, ENODEV, ENOENT, ENOMEM, ENXIO}},
        {0, "close", {EIO}},
        {0, "mmap", {EAGAIN, EINVAL, ENODEV, ENOMEM}},
        {0, "lseek", {EINVAL, ESPIPE}},
        {0, "poll", {EFAULT, EINTR, EINVAL, ENOMEM}},
        {VIDIOC_QUERYCAP, "QUERYCAP", {EIO, ENODEV, ENOTTY}},
        {VIDIOC_ENUM_FMT, "ENUM_FMT", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_ENUM_FRAMESIZES, "ENUM_FRAMESIZES", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_G_FMT, "G_FMT", {EINVAL, EIO, ENODEV}},
        {VIDIOC_S_FMT, "S_FMT", {EBUSY, EINVAL, EIO, ENODEV}},
        {VIDIOC_S_PARM, "S_PARM", {EBUSY, EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_G_SELECTION, "G_SELECTION", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_S_SELECTION, "S_SELECTION", {EBUSY, EINVAL, ENODEV, ENOTTY, ERANGE}},
        {VIDIOC_S_CROP, "S_CROP", {EBUSY, EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_QUERY_EXT_CTRL, "QUERY_EXT_CTRL", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_QUERYCTRL, "QUERYCTRL", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_QUERYMENU, "QUERYMENU", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_S_EXT_CTRLS, "S_EXT_CTRLS", {EACCES, EBUSY, EINVAL, EIO, ENODEV, ENOSPC, ENOTTY, ERANGE}},
        {VIDIOC_G_EXT_CTRLS, "G_EXT_CTRLS", {EACCES, EINVAL, EIO, ENODEV, ENOSPC, ENOTTY}},
        {VIDIOC_S_CTRL, "S_CTRL", {EACCES, EBUSY, EINVAL, EIO, ENODEV, ERANGE}},
        {VIDIOC_G_CTRL, "G_CTRL", {EACCES, EINVAL, EIO, ENODEV}},
        {VIDIOC_REQBUFS, "REQBUFS", {EBUSY, EINVAL, EIO, ENODEV, ENOMEM}},
        {VIDIOC_QUERYBUF, "QUERYBUF", {EINVAL, ENODEV}},
        {VIDIOC_QBUF, "QBUF", {EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOMEM}},
        {VIDIOC_DQBUF, "DQBUF", {EAGAIN, EINVAL, EIO, ENODEV, EPIPE}},
        {VIDIOC_STREAMON, "STREAMON", {EBUSY, EINVAL, EIO, ENODEV, ENOMEM, EPIPE}},
        {VIDIOC_STREAMOFF, "STREAMOFF", {EINVAL, EIO, ENODEV}},
        {VIDIOC_SUBSCRIBE_EVENT, "SUBSCRIBE_EVENT", {EINVAL, ENODEV, ENOMEM, ENOTTY}},
        {VIDIOC_DQEVENT, "DQEVENT", {EINVAL, ENODEV, ENOENT}},
        {VIDIOC_ENCODER_CMD, "ENCODER_CMD", {EBUSY, EINVAL, EIO, ENODEV, ENOTTY}},
    };
    return kAnswers;
}

const std::vector<int>& errorsOf(const Call& call) {
    const auto found = std::ranges::find_if(answers(), [&](const Answers& each) {
        return each.request == call.request && std::string_view(each.name) == call.name;
    });
    REQUIRE_MESSAGE(found != answers().end(), "no errors are known for " << call.name << " " << call.request);
    return found->errors;
}

/// Counts the calls of each kind and lets one of them fail, without its reaching the device. (Numbers over all kinds
/// would not do: how often a device is polled differs from run to run.)
class Faulty final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;

    void fail(const Call& call, std::size_t occurrence, int error) {
        fault_ = call;
        occurrence_ = occurrence;
        error_ = error;
    }
    [[nodiscard]] const std::map<Call, std::size_t>& counts() const { return counts_; }
    [[nodiscard]] bool struck() const { return struck_; }

    int open(const char* path) override { return strikes({.name = "open"}) ? -1 : ForwardingV4l2::open(path); }
    int close(int descriptor) override {
        // The descriptor is gone, whatever close(2) says of the data behind it.
        const int result = ForwardingV4l2::close(descriptor);
        return strikes({.name = "close"}) ? -1 : result;
    }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        return strikes(name(request, argument)) ? -1 : ForwardingV4l2::ioctl(descriptor, request, argument);
    }
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override {
        return strikes({.name = "mmap"}) ? MAP_FAILED : ForwardingV4l2::map(descriptor, lengthBytes, offset);
    }
    std::int64_t length(int dmabuf) override {
        return strikes({.name = "lseek"}) ? -1 : ForwardingV4l2::length(dmabuf);
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        return strikes({.name = "poll"}) ? -1 : ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
    }

  private:
    static Call name(unsigned long request, const void* argument) {
        const auto known = std::ranges::find(answers(), request, &Answers::request);
        Call call{.request = request, .name = known == answers().end() ? "?" : known->name};
        switch (request) {
            case VIDIOC_QBUF:
            case VIDIOC_DQBUF:
            case VIDIOC_QUERYBUF:
                call.output = V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type);
                break;
            case VIDIOC_REQBUFS:
                call.output = V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_requestbuffers*>(argument)->type);
                break;
            case VIDIOC_S_FMT:
            case VIDIOC_STREAMON:
            case VIDIOC_STREAMOFF:
                call.output = V4L2_TYPE_IS_OUTPUT(*static_cast<const std::uint32_t*>(argument));
                break;
            default:
                break;
        }
        return call;
    }

    bool strikes(const Call& call) {
        const std::size_t occurrence = counts_[call]++;
        if (error_ == 0 || call != fault_ || occurrence != occurrence_)
            return false;
        struck_ = true;
        errno = error_;
        return true;
    }

    std::map<Call, std::size_t> counts_;
    Call fault_;
    std::size_t occurrence_ = 0;
    int error_ = 0;
    bool struck_ = false;
};

/// A camera's buffers, or pictures in plain memory; painted once: they are not what this is about.
class Pictures {
  public:
    Pictures(const EncoderConfig& config, bool dmabufs) : pool_(config.format, config.size) {
        if (dmabufs)
            dmabufs_.emplace(config.format, config.size, 12, DmabufPictures::Layout{});
    }
    Frame make(int number) {
        if (dmabufs_)
            return dmabufs_->make(number, at(number));
        Frame::Description description;
        description.time = at(number);
        return pool_.make(description);
    }
    [[nodiscard]] const Picture* layout() const { return dmabufs_ ? &dmabufs_->layout() : nullptr; }
    [[nodiscard]] int leased() const { return dmabufs_ ? dmabufs_->leased() : 0; }

  private:
    FramePool pool_;
    std::optional<DmabufPictures> dmabufs_;
};

struct Case {
    const V4l2Personality& personality;
    bool dmabufs = false;
    Call call{};
    std::size_t occurrence = 0;
    int error = 0;  ///< 0: none
};

struct Outcome {
    std::string setUpFailure;
    V4l2Recording recording;
    std::map<Call, std::size_t> calls;
    bool struck = false;
    std::size_t leftOpen = 0;
    std::size_t leftMapped = 0;
    int leftLeased = 0;
    std::chrono::nanoseconds took{0};
};

EncoderConfig tinyConfig() {
    EncoderConfig config = smallConfig();
    config.size = {64, 64};
    config.format = kNv12;
    return config;
}

Outcome run(const Case& one) {
    Outcome outcome;
    EncoderConfig config = tinyConfig();
    Pictures pictures(config, one.dmabufs);
    if (const Picture* layout = pictures.layout())
        config.dmabufLayout = *layout;
    V4l2Personality personality = one.personality;
    personality.smallestCodedBytes = 64 * 1024;
    EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
    Faulty system(device);
    system.fail(one.call, one.occurrence, one.error);
    const auto begin = Clock::now();
    V4l2Limits limits = quickLimits();
    limits.stall =
        milliseconds(3000);  // none of these calls stalls it: a busy machine is not to look like a second failure
    try {
        const auto encoder = openV4l2Encoder(config, {}, system, limits);
        V4l2Recording& recording = outcome.recording;
        const auto fine = [&](const Status& status) {
            if (!status.ok())
                recording.failure = status.message();
            while (std::optional<Packet> packet = encoder->takePacket())
                recording.packets.push_back(std::move(*packet));
            return status.ok();
        };
        for (int number = 0; number < kFrames && recording.failure.empty(); ++number) {
            EncodeParameters parameters{.keyFrame = number % 20 == 19, .bitrate = config.maxBitrate};
            if (number % 16 == 8)
                parameters.bitrate.bitsPerSecond /= 1 + number / 16;
            fine(encoder->encode(pictures.make(number), parameters));
        }
        if (recording.failure.empty())
            fine(encoder->drain());
    } catch (const std::runtime_error& error) {
        outcome.setUpFailure = error.what();
    }
    outcome.took = Clock::now() - begin;
    outcome.calls = system.counts();
    outcome.struck = system.struck();
    outcome.leftOpen = device.openDescriptors();
    outcome.leftMapped = device.mappings();
    outcome.leftLeased = pictures.leased();
    return outcome;
}

struct Tally {
    std::size_t cases = 0;
    std::size_t unharmed = 0;
    std::size_t recovered = 0;
    std::size_t notSetUp = 0;
    std::size_t ended = 0;
    std::size_t mostLost = 0;
    std::chrono::nanoseconds longest{0};
};

void judge(const Case& one, const Outcome& outcome, Tally& tally) {
    if (!outcome.struck)  // so often it was not called this time
        return;
    ++tally.cases;
    tally.longest = std::max(tally.longest, outcome.took);
    CAPTURE(one.personality.name);
    CAPTURE(one.dmabufs);
    CAPTURE(one.call.name);
    CAPTURE(one.call.output);
    CAPTURE(one.occurrence);
    CAPTURE(std::generic_category().message(one.error));
    CHECK(outcome.leftOpen == 0);
    CHECK(outcome.leftMapped == 0);
    CHECK(outcome.leftLeased == 0);
    CHECK(outcome.took < test::kLongestRecovery);
    if (!outcome.setUpFailure.empty()) {
        ++tally.notSetUp;
        CHECK_MESSAGE(outcome.setUpFailure.find("/dev/video0") != std::string::npos, outcome.setUpFailure);
        return;
    }
    checkStream(outcome.recording);
    if (!outcome.recording.failure.empty()) {
        ++tally.ended;
        CHECK_MESSAGE(outcome.recording.failure.find("/dev/video0") != std::string::npos, outcome.recording.failure);
        FAIL_CHECK("a single failure ended the recording: " << outcome.recording.failure);
        return;
    }
    const std::size_t packets = outcome.recording.packets.size();
    CHECK(packets + kMostLost >= static_cast<std::size_t>(kFrames));
    tally.mostLost = std::max(tally.mostLost, kFrames - packets);
    ++(packets == static_cast<std::size_t>(kFrames) ? tally.unharmed : tally.recovered);
}

void sweep(const V4l2Personality& personality, bool dmabufs, std::size_t stride, Tally& tally) {
    const Outcome clean = run({.personality = personality, .dmabufs = dmabufs});
    REQUIRE_MESSAGE(clean.setUpFailure == "", clean.setUpFailure);
    REQUIRE(clean.recording.failure == "");
    REQUIRE(clean.recording.packets.size() == static_cast<std::size_t>(kFrames));
    std::size_t number = 0;
    for (const auto& [call, count] : clean.calls)
        for (std::size_t occurrence = 0; occurrence < count; ++occurrence)
            for (const int error : errorsOf(call))
                if (number++ % stride == 0) {
                    const Case one{.personality = personality,
                                   .dmabufs = dmabufs,
                                   .call = call,
                                   .occurrence = occurrence,
                                   .error = error};
                    judge(one, run(one), tally);
                }
}

void sweepAll(const std::string& personality, bool dmabufs) {
#ifdef __SANITIZE_THREAD__
    constexpr std::size_t kStride = 11;  // a sample: the client is one thread
#else
    constexpr std::size_t kStride = 1;
#endif
    Tally tally;
    sweep(v4l2Personality(personality), dmabufs, kStride, tally);
    CHECK(tally.ended == 0);
    MESSAGE(tally.cases << " cases: " << tally.notSetUp << " not set up, " << tally.unharmed << " with every frame, "
                        << tally.recovered << " with some lost (" << tally.mostLost << " at most); the longest took "
                        << std::chrono::duration_cast<milliseconds>(tally.longest).count() << " ms");
}

TEST_SUITE("unit") {
    TEST_CASE("whatever call to a multi-planar encoder fails the recording goes on or was never begun") {
        sweepAll("plain", false);
    }
    TEST_CASE("whatever call to a single-planar encoder fails the recording goes on or was never begun") {
        sweepAll("plain-single", false);
    }
    TEST_CASE("whatever call to an encoder of dmabufs fails the recording goes on or was never begun") {
        sweepAll("plain", true);
    }
}

}  // namespace
}  // namespace smartcodec::test
