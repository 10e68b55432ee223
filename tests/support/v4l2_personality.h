#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "capture/picture.h"

namespace smartcodec {

/// When a setting acts on the stream.
enum class V4l2Effect {
    Live,         ///< on the next picture that the device codes
    NextBuffer,   ///< on the OUTPUT buffer that is queued next, and from there on
    Static,       ///< when the stream starts
    WithBitrate,  ///< when the bit rate is set the next time
    None,         ///< never: it is accepted and that is all
};

/// One control as the kernel's control framework knows it.
struct V4l2PersonalityControl {
    std::uint32_t id = 0;
    std::uint32_t type = 0;  ///< V4L2_CTRL_TYPE_*
    std::string name;
    std::int64_t minimum = 0;
    std::int64_t maximum = 0;
    std::int64_t step = 1;  ///< of a menu: unused
    std::int64_t byDefault = 0;
    V4l2Effect effect = V4l2Effect::Live;
    int errorWhileStreaming = 0;              ///< EBUSY, EINVAL: refused while both queues stream; 0: taken
    std::uint32_t flags = 0;                  ///< V4L2_CTRL_FLAG_READ_ONLY, _VOLATILE, ...
    std::vector<std::string> menu{};          ///< by index; empty: no such item
    std::uint32_t elementBytes = 4;           ///< of arrays and compounds
    std::vector<std::uint32_t> dimensions{};  ///< none: not an array
};

/// How the end of a stream is told.
enum class V4l2EndOfStream {
    LastOnPicture,  ///< LAST on the last picture, or on an empty buffer if that is gone already
    LastOnEmpty,    ///< an empty buffer with LAST
    Empty,          ///< an empty buffer, without LAST
    Epipe,          ///< nothing but EPIPE
    Event,          ///< nothing but V4L2_EVENT_EOS
};

/// Which pictures are flagged.
enum class V4l2PictureFlags {
    Right,
    None,
    HevcNumbers,  ///< by the NAL unit types of HEVC, in H.264 too: no key frame is ever seen there
};

/// What becomes of a picture that is larger than a CAPTURE buffer.
enum class V4l2Overflow {
    Error,     ///< an empty buffer with ERROR
    Continue,  ///< it goes on in the next buffers, with the same timestamp
};

/// What one driver is like, from the drivers' sources: formats, planarity, controls and faults. Tests take a copy and
/// change what they are about.
struct V4l2Personality {
    std::string name;    ///< "bcm2835-codec"
    std::string driver;  ///< as QUERYCAP names it
    std::string card = "emulated encoder";
    bool multiplanar = true;

    // Formats: V4L2 fourccs, the first is the default.
    std::vector<std::uint32_t> codedFormats;
    std::vector<std::uint32_t> rawFormats;
    Size smallest{64, 64};
    Size largest{4096, 2304};
    Size alignment{2, 2};        ///< to which S_FMT(OUTPUT) rounds up
    int strideAlignment = 16;    ///< bytes; of planar formats in one plane, the chroma stride is half the luma stride
    int rowAlignment = 2;        ///< rows that sizeimage has room for beyond the height
    bool strideAsAsked = false;  ///< a larger bytesperline is taken (aligned)
    std::uint32_t smallestCodedBytes = 512 * 1024;  ///< CAPTURE sizeimage is at least this
    bool frameFormatResetsRoom = false;  ///< S_FMT(OUTPUT) chooses the CAPTURE sizeimage anew, whatever was asked for
    bool enumeratesFormats = true;
    bool enumeratesSizes = true;
    bool enumeratesIntervals = true;
    bool crops = true;  ///< S_SELECTION

    // Controls.
    std::vector<V4l2PersonalityControl> controls;
    bool extendedQuery = true;   ///< VIDIOC_QUERY_EXT_CTRL
    bool simpleControls = true;  ///< VIDIOC_QUERYCTRL, _G_CTRL, _S_CTRL

    // Frame rate.
    bool hasFrameRate = true;       ///< S_PARM on OUTPUT
    bool captureFrameRate = false;  ///< S_PARM on CAPTURE is the coded rate, that on OUTPUT only the operating rate
    bool tellsTimePerFrame = true;  ///< V4L2_CAP_TIMEPERFRAME
    V4l2Effect frameRateEffect = V4l2Effect::Static;
    bool needsFrameRate = false;         ///< streaming without S_PARM: EINVAL
    bool bitrateAboveFrameRate = false;  ///< otherwise streaming does not start: EINVAL
    /// Rate control reckons with the differences of timestamps instead of the frame rate.
    bool ratesByTimestamp = false;

    // Stream.
    bool repeatsParameterSets = false;  ///< with every key frame, where no control says
    bool repeatsWhenJoined = false;     ///< HEADER_MODE joined means with every key frame
    bool splitsParameterSets = false;   ///< each comes in a buffer of its own, whatever HEADER_MODE says
    V4l2PictureFlags flags = V4l2PictureFlags::Right;
    std::uint32_t captureDataOffset = 0;  ///< bytes in front of the data of a CAPTURE buffer (multi-planar only)
    V4l2Overflow overflow = V4l2Overflow::Error;
    int outputBuffersAtLeast = 1;  ///< what REQBUFS gives
    int captureBuffersAtLeast = 1;
    std::uint32_t memories = 0x5;  ///< V4L2_BUF_CAP_SUPPORTS_*

    // End of stream.
    V4l2EndOfStream end = V4l2EndOfStream::LastOnPicture;
    bool tellsEndEarly = false;  ///< V4L2_EVENT_EOS comes 20 ms before the last picture, if that waits for the drain
    bool hasEncoderCommand = true;
    bool hasTryEncoderCommand = true;
    bool takesStart = true;            ///< false: EINVAL
    bool startResumes = true;          ///< false: START is taken and does nothing
    bool startStops = false;           ///< START marks the end like STOP
    bool stopNeedsStreaming = false;   ///< STOP while OUTPUT does not stream: EINVAL
    bool outputStartResumes = true;    ///< STREAMON(OUTPUT) after the end resumes by itself
    bool takesOutputAfterStop = true;  ///< false: EIO
    bool restarts = true;              ///< false: after STREAMOFF nothing is coded any more until it is opened again
    bool emptyOutputEnds = false;      ///< an OUTPUT buffer without data is the end of the stream

    /// A size and frame rate beyond the H.264 level that is set: the device stalls after the first picture.
    bool stallsAboveLevel = false;

    // Faults for tests; none by default.
    int swallowEvery = 0;               ///< every n-th picture is taken and nothing comes of it
    bool swapPackets = false;           ///< pairs of packets come out in the wrong order
    int emptyPacketEvery = 0;           ///< an empty buffer (without LAST) before every n-th packet
    bool junkFirst = false;             ///< the first buffer holds no stream and has timestamp 0
    int spuriousPollEvery = 0;          ///< every n-th poll says that something is ready when nothing is
    bool keepsLastFlag = false;         ///< a buffer that had LAST has it whenever it is used again
    bool neverEnds = false;             ///< a drain takes the pictures and tells no end
    int errorEvery = 0;                 ///< every n-th packet is an empty buffer with ERROR
    bool changesParameterSets = false;  ///< they are others each time the device is opened
    int errorsFrom = 0;                 ///< from the n-th packet on each is an empty buffer with ERROR
    bool copiesTimestamps = true;       ///< from the picture to its packet; else that is at 0
    int latencyFrames = 0;              ///< pictures held inside before the first packet comes
};

/// bcm2835-codec, venus, iris, mtk-vcodec, coda, s5p-mfc, amphion, wave5, vsi, vicodec; and two that stand for what the
/// specification asks of any driver: plain (multi-planar, one plane, everything live) and plain-single (single-planar).
[[nodiscard]] std::span<const V4l2Personality> v4l2Personalities();
/// Throws std::invalid_argument for a name that none has.
[[nodiscard]] const V4l2Personality& v4l2Personality(const std::string& name);

/// The control with this id, to change it; throws std::invalid_argument if there is none.
[[nodiscard]] V4l2PersonalityControl& control(V4l2Personality& personality, std::uint32_t id);

}  // namespace smartcodec
