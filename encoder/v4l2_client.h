#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "capture/mapping.h"
#include "encoder/cap_governor.h"
#include "encoder/frame_timeline.h"
#include "encoder/rate_limit.h"
#include "encoder/v4l2_encoder.h"
#include "encoder/v4l2_packets.h"
#include "encoder/v4l2_stream.h"

namespace smartcodec {

/// "bcm2835-codec /dev/video11"
[[nodiscard]] std::string describe(const V4l2EncoderNode& node);

/// What can be done about an encoder that cannot be opened or dies, to be put behind what happened.
[[nodiscard]] std::string v4l2Remedy(int error);

/// The V4L2 encoder that `openV4l2Encoder` gives. What is done to the device are steps that answer with a V4l2Result;
/// `attempt` runs one, and where it fails opens the device again and runs it once more.
class V4l2Client final : public Encoder, private V4l2Sink {
  public:
    V4l2Client(const EncoderConfig& config, V4l2EncoderNode node, V4l2System& system, const V4l2Limits& limits);

    [[nodiscard]] const EncoderCapabilities& capabilities() const override { return capabilities_; }
    [[nodiscard]] std::span<const std::byte> parameterSets() const override { return packets_.parameterSets(); }
    Status encode(Frame frame, const EncodeParameters& parameters) override;
    Status drain() override;
    [[nodiscard]] std::optional<Packet> takePacket() override { return packets_.take(); }
    [[nodiscard]] bool finishesByItself() const override { return true; }
    Status wait(int wake) override;

  private:
    using Clock = std::chrono::steady_clock;

    // A picture of which nothing comes is no stall: some encoders drop one now and then and do not say so.
    static constexpr std::size_t kSwallowed = 1;

    /// A frame that is here: waiting to go in, or inside, its lease kept until the device has done with it.
    struct Inside {
        std::int64_t number = 0;
        Frame frame;
        bool keyFrame = false;
        std::optional<std::uint32_t> buffer;  // empty: not submitted
    };

    void pictureReturned(std::uint32_t bufferIndex) override;
    void piece(const V4l2Piece& piece) override;

    void open();
    void describeCapabilities();
    [[nodiscard]] Status check(const Frame& frame, const QpMap* map) const;
    void steer(const EncodeParameters& parameters, CaptureTime time);
    void finished(const V4l2Packets::Finished& packet);
    void noteLosses();

    Status attempt(const std::function<V4l2Result()>& step);
    V4l2Result submitAll();
    V4l2Result beginAnew(const Inside& frame, bool& begun);
    V4l2Result submit(Inside& frame, V4l2Queue::Buffer buffer);
    void control(const Inside& frame, std::uint32_t bufferIndex);
    void noteAltered();
    const QpMap& shifted(const QpMap& map, int offset);
    void askForKeyFrame(const Inside& frame);
    void restartForKeyFrames(const std::string& what);
    [[nodiscard]] bool rateWorthRestart(const Inside& frame) const;
    V4l2Result collect(bool& moved);
    [[nodiscard]] std::chrono::milliseconds patience(bool room) const;
    V4l2Result awaitTurn();
    V4l2Result awaitMove(bool room, int wake, bool& woke);
    V4l2Result drainStream();
    V4l2Result restartStream();
    V4l2Result reopenStream();
    void copyFromNowOn(const std::string& reason);
    Status recover(const V4l2Result& why);
    Status reopen(const std::string& why);
    Status fail(const std::string& message);

    [[nodiscard]] V4l2Session& session() { return stream_->session; }
    [[nodiscard]] const V4l2Session& session() const { return stream_->session; }
    [[nodiscard]] std::deque<Inside>::iterator nextToSubmit() {
        return std::ranges::find_if(inside_, [](const Inside& frame) { return !frame.buffer; });
    }
    /// More went in of which nothing came than the device holds back.
    [[nodiscard]] bool owesPieces() const { return packets_.pending() > heldBack_ + kSwallowed; }
    [[nodiscard]] bool wantsKeyFrame(const Inside& frame) const { return !fresh_ && (frame.keyFrame || owesKeyFrame_); }
    [[nodiscard]] bool governed() const {
        if (!steering_.rateControl)
            return steering_.qpFloorLive;
        return !config_.constantBitrate && !steering_.bitrate && steering_.regions == RegionSupport::QpMap;
    }

    EncoderConfig config_;
    V4l2System& system_;
    V4l2Limits limits_;
    V4l2StreamSettings settings_;
    EncoderCapabilities capabilities_;
    V4l2Steering steering_;
    FrameTimeline timeline_;
    V4l2Packets packets_;
    RateLimit limit_;
    CapGovernor governor_;
    std::unique_ptr<V4l2Stream> stream_;
    std::deque<Inside> inside_;  // by number
    Mapping mapping_;
    std::size_t heldBack_ = 0;         // pictures whose packets the device keeps until later ones go in
    std::size_t buffersKept_ = 0;      // pictures that it keeps themselves until then
    std::size_t keptAtKeyFrames_ = 0;  // as it turned out since it was opened; 0: no more than those

    Bitrate rate_;                // wanted for what goes in next
    bool limited_ = false;        // and it is below the cap, which would be exceeded otherwise
    const QpMap* map_ = nullptr;  // of the newest frame, during `encode`
    int qpOffset_ = 0;            // on that map, where it stands in for the bit rate; else 0
    QpMap shifted_;
    bool fresh_ = true;  // nothing went into this stream yet: its first frame is a key frame by itself
    bool owesKeyFrame_ = false;
    Bitrate standing_;                   // at the beginning of this stream
    std::optional<CaptureTime> raised_;  // when a stream last began with more than the one before
    std::optional<std::int64_t> askedKeyFrame_;
    int keyFrameRefusals_ = 0;
    bool restartsForRate_ = true;  // worth it only as long as that leaves the parameter sets alone
    bool restartedForRate_ = false;
    bool endUntold_ = false;  // it was seen that this encoder does not tell when it has ended
    bool restarts_ = true;    // STREAMOFF and STREAMON begin another stream
    bool restarted_ = false;  // they did, and nothing came since

    Clock::time_point lastMove_{};     // anything that came out or went in
    Clock::time_point lastPiece_{};    // of the bit stream; or when the device began to owe some
    Clock::time_point lastGood_{};     // a packet that can be decoded, or opened
    std::uint64_t spoiledBefore_ = 0;  // that packet: frames that could not be decoded
    std::optional<Clock::time_point> heldSince_;
    std::optional<Clock::time_point> lastFailure_;
    bool importRefused_ = false;  // the frame's dmabufs, not the device, are what is wrong
    std::string fatal_;           // what no opening again mends
    bool failed_ = false;
};

}  // namespace smartcodec
