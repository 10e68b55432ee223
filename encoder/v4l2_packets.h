#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "capture/packet.h"
#include "encoder/bitstream.h"
#include "encoder/codec.h"
#include "encoder/frame_timeline.h"
#include "encoder/packet_bytes.h"
#include "encoder/v4l2_session.h"

namespace smartcodec {

/// Makes packets of what a V4L2 encoder gives: matches pieces to frames by their timestamps, joins a frame's pieces,
/// brings frames into their order (an encoder that was seen to give slices one by one makes each wait for the next, as
/// nothing else tells its last slice), drops what belongs to no frame or cannot be decoded, gives frames up of which
/// nothing comes, puts parameter sets in front of key frames that lack them, and notices when they change.
///
/// There are no B-frames: pictures are decoded in the order in which they are shown. Thread-bound.
class V4l2Packets {
  public:
    struct Counts {
        std::uint64_t strays = 0;     ///< pieces that belong to no frame
        std::uint64_t swallowed = 0;  ///< frames of which nothing came
        std::uint64_t spoiled = 0;  ///< frames that could not be decoded: coded wrongly, or what they refer to is gone
    };
    /// A packet; or, with the same number once more, bytes that came for it later.
    struct Finished {
        std::int64_t number = 0;
        std::size_t bytes = 0;
        CaptureTime presentation{};
        bool keyFrame = false;
        bool newStream = false;
    };

    /// `timeline` must outlive it; `finished` is told of every packet, in order.
    V4l2Packets(Codec codec, FrameRate frameRate, FrameTimeline& timeline,
                std::function<void(const Finished&)> finished);

    /// What frame `number` is to be queued with: frames are evenly spaced for the encoder, whatever was dropped between
    /// them, and none is at 0, which is what junk carries.
    [[nodiscard]] std::chrono::microseconds timestamp(std::int64_t number) const;
    /// Whether a timestamp is one of those, within what drivers cut off it.
    [[nodiscard]] bool isOfFrame(std::chrono::microseconds timestamp) const { return match(timestamp).has_value(); }

    /// The encoder does not give timestamps back: pieces are those of the frames in the order in which they went in.
    void matchInOrder() { inOrder_ = true; }

    /// As known before the first packet.
    void setParameterSets(std::span<const std::byte> sets);
    /// Those of the packet that `take` gave last.
    [[nodiscard]] std::span<const std::byte> parameterSets() const { return shown_; }

    /// A frame goes in, in the order of their numbers; after `beginStream` some may for a second time. False: too late,
    /// its packet or that of a later one is out already.
    [[nodiscard]] bool expect(std::int64_t number);
    [[nodiscard]] std::size_t pending() const { return expected_.size(); }

    void piece(const V4l2Piece& piece);
    /// A frame is finished but one before it has not come.
    [[nodiscard]] bool heldBack() const;
    /// Give up what is missing in front of the first finished frame.
    void giveUpMissing();
    /// Everything came out: what is missing will not come.
    void flush();
    /// A new stream begins: it needs a key frame, and nothing of the old one is to come.
    void beginStream();

    /// True once each time something went wrong that only a key frame mends.
    [[nodiscard]] bool takeKeyFrameWish() { return std::exchange(wantsKeyFrame_, false); }
    /// True once each time a piece came back as failed: it may have been too large.
    [[nodiscard]] bool takeFailure() { return std::exchange(failed_, false); }

    [[nodiscard]] bool ready() const { return !ready_.empty(); }
    [[nodiscard]] std::optional<Packet> take();
    [[nodiscard]] const Counts& counts() const { return counts_; }

  private:
    struct Expected {
        std::int64_t number = 0;
        PacketBytes::Draft draft;
        bool finished = false;
        bool failed = false;
        bool keyFrame = false;
        bool parameterSets = false;
    };
    struct Ready {
        PacketBytes::Draft draft;
        std::int64_t number = 0;
        FrameTimeline::PacketTimes times;
        bool keyFrame = false;
        std::vector<std::byte> newSets;  // empty: as before
    };

    [[nodiscard]] std::optional<std::int64_t> match(std::chrono::microseconds timestamp) const;
    [[nodiscard]] std::optional<std::int64_t> nextInOrder() const;
    [[nodiscard]] Expected* find(std::int64_t number);
    void addHeader(const AnnexBContents& contents, const V4l2Piece& piece);
    void stray(std::int64_t number);
    [[nodiscard]] bool joinReady(std::int64_t number, const V4l2Piece& piece);
    void insertSets(std::vector<std::byte>& picture, std::span<const std::byte> sets) const;
    void begin(Expected& frame, const V4l2Piece& piece);
    void finish(Expected& frame);
    void finishOpen();
    void release();
    void emit(Expected& frame);

    Codec codec_;
    FrameRate frameRate_;
    FrameTimeline& timeline_;
    std::function<void(const Finished&)> finishedFrame_;
    PacketBytes memory_;
    std::deque<Expected> expected_;     // by number, those without a packet or held back by one
    std::optional<std::int64_t> open_;  // the frame that there may be more of
    bool cut_ = false;                  // its last piece filled its buffer: more goes on anywhere in it
    bool inOrder_ = false;
    bool slicesApart_ = false;       // pictures were seen to come in several pieces: each may
    std::vector<std::byte> header_;  // parameter sets that came by themselves, for the next frame
    std::vector<std::byte> sets_;    // of the stream as it comes in
    std::vector<std::byte> found_;   // used again
    std::vector<std::byte> shown_;   // of the stream as it is taken
    std::deque<Ready> ready_;
    std::int64_t given_ = -1;       // highest number that is done with
    std::int64_t expectedTo_ = -1;  // highest number that ever went in
    bool needsKeyFrame_ = true;
    bool wantsKeyFrame_ = false;
    bool failed_ = false;
    Counts counts_;
};

}  // namespace smartcodec
