#pragma once

// Private to .cpp files: owners of libav's objects for capture/, encoder/ and mux/, and its errors in words.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

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

/// libav's log, which would go to standard error: the program's own lines are the only ones there. From the first
/// object on, for the whole process, it goes nowhere; while a LibavLog lives, the first error logged on its thread is
/// kept, because it often says what the error code does not ("moov atom not found").
class LibavLog {
  public:
    LibavLog() : outer_(std::exchange(current_, this)) { silence(); }
    ~LibavLog() { current_ = outer_; }
    LibavLog(const LibavLog&) = delete;
    LibavLog& operator=(const LibavLog&) = delete;

    /// The error code in words, after what was logged about it.
    [[nodiscard]] std::string explain(int error) const {
        return firstError_.empty() ? libavError(error) : firstError_ + ": " + libavError(error);
    }

    static void silence() {
        static std::once_flag once;
        std::call_once(once, [] { av_log_set_callback(log); });
    }

  private:
    static void log(void*, int level, const char* format, std::va_list arguments) {
        if (!current_ || level > AV_LOG_ERROR || !current_->firstError_.empty())
            return;
        std::array<char, 256> text{};
        (void)std::vsnprintf(text.data(), text.size(), format, arguments);
        std::string& kept = current_->firstError_;
        kept = text.data();
        // messages are one line here, and whole sentences there
        kept.resize(std::min(kept.size(), kept.find('\n')));
        while (!kept.empty() && (kept.back() == '.' || kept.back() == ' '))
            kept.pop_back();
    }

    inline static thread_local LibavLog* current_ = nullptr;
    LibavLog* outer_;
    std::string firstError_;
};

/// To be called before the first use of libav.
inline void silenceLibav() {
    LibavLog::silence();
}

}  // namespace smartcodec
