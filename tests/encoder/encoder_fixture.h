#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "capture/frame_pool.h"
#include "encoder/encoder.h"

namespace smartcodec::test {

constexpr Size kSmall{320, 192};
constexpr Bitrate kMax{1'000'000};

/// 25 frames per second, quality 23, no look-ahead given: the least a recording is opened with.
EncoderConfig smallConfig(Codec codec = Codec::H264);

/// Capture time of frame `number` at `framesPerSecond`.
CaptureTime at(int number, double framesPerSecond = 25);

/// Deterministic pictures: a textured background that stands still, sensor noise of `noise` grey levels (standard
/// deviation, about) that changes from picture to picture. Even
/// seeds show another scene.
struct PictureRecipe {
    double noise = 2;
    std::uint32_t seed = 1;
};
void paint(const Picture& picture, int number, const PictureRecipe& recipe = {});

/// What one frame of a run is encoded with.
struct Input {
    CaptureTime time{};
    PictureRecipe recipe;
    EncodeParameters parameters;
};

/// Frame `number` of a run at 25 frames per second, its cap kMax.
Input calm(int number);

/// Encodes `count` frames of `config`'s format and size, drains, and returns all packets. Fails the test on any
/// failure.
std::vector<Packet> encodeRun(Encoder& encoder, const EncoderConfig& config, int count,
                              const std::function<Input(int)>& input);

/// A packet decoded.
struct DecodedPicture {
    CaptureTime presentation{};
    Size size;
    bool intra = false;
    bool bidirectional = false;      ///< a B picture
    std::vector<std::uint8_t> luma;  ///< rows without padding
    std::vector<int> blockQp;        ///< per 16x16 block, H.264 only
    double meanQp = 0;               ///< H.264 only
    int cornerCb = 0;                ///< of the sample at the bottom right
    int cornerCr = 0;
    Color color;
    Ratio sampleAspect;
};

/// Decodes in order of presentation. Fails the test if a packet cannot be decoded.
std::vector<DecodedPicture> decodeAll(Codec codec, std::span<const std::byte> parameterSets,
                                      const std::vector<Packet>& packets);

/// Mean difference of luma to the `truth` in one 16x16 block, grey levels.
double meanError(const DecodedPicture& picture, const Picture& truth, int column, int row);

/// Bits per second of the packets presented in [from, to).
double bitrateBetween(const std::vector<Packet>& packets, CaptureTime from, CaptureTime to);

/// The most bits presented within any `window`, per second.
double peakBitrate(const std::vector<Packet>& packets, std::chrono::nanoseconds window);

}  // namespace smartcodec::test
