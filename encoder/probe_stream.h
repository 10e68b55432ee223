#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "encoder/v4l2_session.h"
#include "encoder/v4l2_tuning.h"

namespace smartcodec {

/// How long a device that is probed is waited for.
struct ProbeLimits {
    std::chrono::milliseconds first{2000};  ///< for its first picture, which may have to load firmware
    std::chrono::milliseconds stall{1000};  ///< of silence while it has pictures
    std::chrono::milliseconds drain{1000};  ///< of silence at the end of a stream
};

/// A stream that is encoded to be measured: the recorder's session and controls, and what became of each picture.
/// Everything throws std::system_error or std::runtime_error that names the node. Thread-bound; what is given must
/// outlive it.
class ProbeStream final : private V4l2Sink {
  public:
    struct Coded {
        std::size_t bytes = 0;  ///< 0: nothing came of it
        bool keyFrame = false;
        bool parameterSets = false;  ///< in front of it, also in buffers of their own
    };

    /// Begins; `beforeStart` is called when the controls are set up and no buffer is allocated yet.
    ProbeStream(V4l2System& system, const V4l2StreamSettings& settings, const EncoderConfig& config,
                const ProbeLimits& limits, const std::function<void(V4l2Session&)>& beforeStart = {});

    [[nodiscard]] V4l2Session& session() { return session_; }

    /// Encodes one more picture, `gap` after the one before. `beforeQueueing` is called right before it is queued, with
    /// the index of its buffer. Blocks while there is no room.
    void encode(const Picture& picture, std::chrono::microseconds gap,
                const std::function<void(std::uint32_t)>& beforeQueueing = {});
    /// All pictures come out.
    void drain();
    /// After `drain`: a new stream; `between` is called when the old one has stopped.
    void restart(const std::function<void()>& between);

    /// What became of the pictures, by number. Of the last ones only after `drain`.
    [[nodiscard]] const std::vector<Coded>& coded() const { return coded_; }

  private:
    using Clock = std::chrono::steady_clock;

    void pictureReturned(std::uint32_t) override {}
    void piece(const V4l2Piece& piece) override;
    [[nodiscard]] V4l2Queue::Buffer room(const Picture& picture);
    void require(const V4l2Result& result) const;
    /// False: nothing moved before the deadline.
    [[nodiscard]] bool awaitMove(Clock::time_point deadline);
    [[nodiscard]] bool allCame() const { return came_ == coded_.size(); }

    std::string name_;
    Codec codec_;
    ProbeLimits limits_;
    EncoderConfig config_;
    V4l2Session session_;
    V4l2Tuning tuning_;
    std::vector<Coded> coded_;
    std::vector<std::chrono::microseconds> timestamps_;
    std::size_t came_ = 0;
    bool anything_ = false;  // came out of this stream
};

}  // namespace smartcodec
