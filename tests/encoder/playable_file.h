#pragma once

#include <cstddef>
#include <vector>

#include "encoder/encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {

/// Takes what is ready, and keeps the parameter sets of each stream: those of the set-up first, then those that held
/// when a new stream's first packet was taken.
class PacketCollector {
  public:
    PacketCollector(Encoder& encoder, V4l2Recording& recording);
    void take();
    [[nodiscard]] std::vector<std::vector<std::byte>> parameterSets() && { return std::move(sets_); }

  private:
    void keepSets();

    Encoder& encoder_;
    V4l2Recording& recording_;
    std::vector<std::vector<std::byte>> sets_;
};

/// Muxes the packets as the recorder does, a file per stream, and reads each file again as a player would up to the
/// decoder: every packet with its time, key frames and whole NAL units, the first one a key frame, and each key frame
/// with the parameter sets that its file was told. Fails the test where anything is missing. `parameterSets` are those
/// of a PacketCollector. Files are in memory.
void checkPlayable(const EncoderConfig& config, const std::vector<std::vector<std::byte>>& parameterSets,
                   const V4l2Recording& recording);

}  // namespace smartcodec::test
