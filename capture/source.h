#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "capture/packet.h"
#include "capture/status.h"

// libavcodec's description of an encoded track. Opaque here, so that frames and sources need no libav to be understood.
struct AVCodecParameters;

namespace smartcodec {

/// A track that goes into the recording as it is. `parameters` is owned through the deleter.
struct CopiedTrack {
    std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> parameters;
    std::string language;  ///< ISO 639-2, empty if unknown
};

/// What a source delivers, known before its first frame.
struct SourceInfo {
    std::string name;     ///< for messages: file name, camera model, "scene corridor"
    PixelFormat format;   ///< kNv12 or kYuv420; of a camera also another one, if the encoder takes it
    Size size;            ///< even
    FrameRate frameRate;  ///< nominal; of a variable rate the average
    Color color;
    Ratio sampleAspect;  ///< 0/1: unknown
    int rotation = 0;    ///< degrees clockwise by which a player must turn the picture: 0, 90, 180, 270
    /// How all frames lie in dmabufs, if they do: as EncoderConfig::dmabufLayout. Descriptors belong to the source.
    std::optional<Picture> dmabufLayout;
    bool live = false;  ///< frames come at their own pace and are lost if nobody takes them
    std::optional<std::chrono::nanoseconds> duration;  ///< if known beforehand, for the progress line
    std::vector<CopiedTrack> copiedTracks;
    std::vector<std::string> notes;  ///< remarks for the user, one line each: what was left out and why
};

/// What a source has to say of its run.
struct SourceReport {
    std::uint64_t failed = 0;                ///< pictures that a camera could not take, or that came damaged
    std::uint64_t converted = 0;             ///< pictures that were converted or decompressed on `run`'s thread,
    std::chrono::nanoseconds converting{0};  ///< and how long that took altogether
};

/// Where a source puts what it has. Implemented by app/pipeline.
class SourceSink {
  public:
    virtual ~SourceSink() = default;

    /// Blocks until there is room. False: nobody wants any more, `run` should return.
    [[nodiscard]] virtual bool deliver(Frame frame) = 0;
    [[nodiscard]] virtual bool deliver(Packet packet) = 0;

    /// Never blocks: for a camera's own thread. Without room the frame goes straight back and is counted.
    virtual void offer(Frame frame) = 0;
};

/// A camera, a file or the scene. Set up by its constructor, which throws what is wrong (std::system_error for errno,
/// else std::runtime_error, with the file or device and the remedy in the text).
class Source {
  public:
    virtual ~Source() = default;
    [[nodiscard]] virtual const SourceInfo& info() const = 0;

    /// Delivers frames, and copied tracks' packets between them, in order of time until the source ends, the sink has
    /// had enough or `stop` is asked for. Called once, on a thread of the caller's; may block it. A failure means that
    /// the source ended early; everything delivered before is good. Frames may outlive the source.
    virtual Status run(SourceSink& sink, std::stop_token stop) = 0;

    /// Valid once `run` has returned. Empty of one that has nothing to say.
    [[nodiscard]] virtual SourceReport report() const { return {}; }
};

}  // namespace smartcodec
