#pragma once

#include <cstdint>

struct AVDictionary;

namespace smartcodec {

/// What libavformat's MP4 muxer is told, for whatever kind of file.
class Mp4Options {
  public:
    struct Wanted {
        std::int64_t ticksPerSecond = 0;  ///< of the video, and of the whole
        const char* flags = "";           ///< as "+faststart"
        bool editLists = true;
    };
    explicit Mp4Options(const Wanted& wanted);
    ~Mp4Options();
    Mp4Options(const Mp4Options&) = delete;
    Mp4Options& operator=(const Mp4Options&) = delete;

    /// For the muxer, which takes out what it understands.
    [[nodiscard]] AVDictionary** dictionary() { return &dictionary_; }

  private:
    AVDictionary* dictionary_ = nullptr;
};

}  // namespace smartcodec
