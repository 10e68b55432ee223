#pragma once

// Private to .cpp files: owners of libav's objects for capture/, encoder/ and mux/, and its errors in words.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <array>
#include <memory>
#include <mutex>
#include <new>
#include <string>

namespace smartcodec {

/// Deleter for libav's habit of freeing through a pointer to the pointer.
template <auto kFree>
struct FreeThroughPointer {
    template <class T>
    void operator()(T* object) const noexcept {
        kFree(&object);
    }
};

struct FreeOutputFormat {
    void operator()(AVFormatContext* context) const noexcept {
        if (context->oformat && !(context->oformat->flags & AVFMT_NOFILE))
            avio_closep(&context->pb);
        avformat_free_context(context);
    }
};

struct FreeSws {
    void operator()(SwsContext* context) const noexcept { sws_freeContext(context); }
};

using AvInputFormat = std::unique_ptr<AVFormatContext, FreeThroughPointer<avformat_close_input>>;
using AvOutputFormat = std::unique_ptr<AVFormatContext, FreeOutputFormat>;  ///< closes its AVIOContext as well
using AvCodecContext = std::unique_ptr<AVCodecContext, FreeThroughPointer<avcodec_free_context>>;
using AvCodecParameters = std::unique_ptr<AVCodecParameters, FreeThroughPointer<avcodec_parameters_free>>;
using AvFrame = std::unique_ptr<AVFrame, FreeThroughPointer<av_frame_free>>;
using AvPacket = std::unique_ptr<AVPacket, FreeThroughPointer<av_packet_free>>;
using AvSws = std::unique_ptr<SwsContext, FreeSws>;

/// What libav allocated, or std::bad_alloc: `AvFrame frame(avAllocated(av_frame_alloc()))`.
template <class T>
[[nodiscard]] T* avAllocated(T* object) {
    if (!object)
        throw std::bad_alloc();
    return object;
}

/// libav's own words for an error code: "Invalid data found when processing input".
[[nodiscard]] inline std::string libavError(int error) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(error, text.data(), text.size());
    return text.data();
}

/// libav writes to standard error unless told not to; the program's own lines are the only ones. Once per process, from
/// every place that opens a libav object first.
inline void silenceLibav() {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

}  // namespace smartcodec
