#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analysis/bitrate.h"
#include "analysis/qp_map.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_drivers.h"
#include "encoder/v4l2_regions.h"
#include "encoder/v4l2_session.h"

namespace smartcodec {

/// What of an encoder can be steered while it runs, as its controls and what is known of its driver say; corrected by
/// what it really does.
struct V4l2Steering {
    bool rateControl = true;  ///< false: it has no bit rate to set, its QP is all there is
    bool bitrate = false;
    bool keyFrame = false;
    bool qpFloor = false;         ///< there is a lowest QP at all
    bool qpFloorLive = false;     ///< and it can be moved
    std::int64_t longestGop = 0;  ///< frames after which it makes a key frame by itself; 0: not known
    RegionSupport regions = RegionSupport::None;
    std::string regionDescription;
};

/// The controls of one life of an encoder: what a recording wants set once, and what changes from frame to frame. Never
/// fails as a whole: what a driver does not have or refuses is left out. Thread-bound; `session` must outlive it.
class V4l2Tuning {
  public:
    V4l2Tuning(V4l2Session& session, const EncoderConfig& config, const V4l2DriverFacts& facts);

    /// Before the session starts: rate control on, no B-frames, no key frames of its own, profile and level, quality
    /// as the lowest QP, the first bit rate.
    void setUp(Bitrate rate);
    [[nodiscard]] V4l2Steering steering() const;

    // While it runs: right before the frame is queued for which they are meant.

    /// Nothing if it makes no difference worth a system call. False: the driver refused, more than once by now.
    [[nodiscard]] bool setBitrate(Bitrate rate);
    [[nodiscard]] Bitrate bitrate() const { return rate_; }
    [[nodiscard]] bool forceKeyFrame();
    /// The lowest QP, where that stands in for regions: the quality aimed at, plus the delta of the finest block, plus
    /// what keeps an encoder without rate control to the cap. It acts on what is coded next: frames that are inside
    /// already have it too.
    void setQpFloor(const QpMap& map, int offset);
    void setRegions(const QpMap& map, std::uint32_t bufferIndex);
    /// To be added to every block of every map, empty ones too: the lowest QP stands that much below the quality aimed
    /// at, so that blocks can be finer than the rest of a picture that rate control has nothing to take from.
    [[nodiscard]] int mapOffset() const { return mapOffset_; }

    /// What the driver took without an error and made something else of, since this was asked last: "the lowest QP (18
    /// instead of 26)".
    [[nodiscard]] std::vector<std::string> takeAltered() { return std::exchange(altered_, {}); }

  private:
    bool set(std::uint32_t id, std::int64_t value) { return session_.controls().set(id, value).error == 0; }
    /// True: at least one of them took it.
    bool setAll(std::span<const std::uint32_t> ids, std::int64_t value);
    bool setLowestQp(int qp);
    bool tellBitrate(Bitrate rate);
    void setProfileAndLevel();
    void setParameterSetPlacement();
    void setSampleAspect();
    void setRate(Bitrate rate);
    [[nodiscard]] std::int64_t toTell(Bitrate rate);
    void setQpRange();
    [[nodiscard]] bool has(std::uint32_t id) { return session_.controls().query(id) != nullptr; }

    V4l2Session& session_;
    const EncoderConfig& config_;
    const V4l2DriverFacts& facts_;
    std::unique_ptr<V4l2Regions> regions_;
    V4l2Steering steering_;
    Bitrate rate_;
    int mapOffset_ = 0;
    int refusals_ = 0;
    std::vector<std::string> altered_;
    bool regionsAltered_ = false;
};

}  // namespace smartcodec
