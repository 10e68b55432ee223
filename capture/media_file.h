#pragma once

// Private to .cpp files: a video file as libavformat sees it, checked, with its tracks chosen.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "capture/libav_handles.h"
#include "capture/picture.h"
#include "capture/pipe_input.h"
#include "capture/source.h"

namespace smartcodec {

/// An opened file: its first video track, and those audio tracks that MP4 can hold. Thread-bound.
class MediaFile {
  public:
    enum class Reading { Packet, End, Stopped };

    /// Throws std::system_error or std::runtime_error with the path and the remedy.
    explicit MediaFile(const std::string& path);
    MediaFile(const MediaFile&) = delete;
    MediaFile& operator=(const MediaFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] AVStream& video() { return *video_; }
    [[nodiscard]] const std::vector<AVStream*>& audio() const { return audio_; }
    /// One line each about what is left out and why.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

    [[nodiscard]] FrameRate frameRate() const;
    [[nodiscard]] int rotation() const { return rotation_; }
    /// How long the file takes, as well as libavformat knows.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> duration() const;
    /// How long the video track takes, else the longest of the chosen tracks, where the file's header says so itself.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> declaredDuration() const { return declaredDuration_; }
    /// Whether both are the container's, which counts from the zero of the file's times, not from the first picture.
    [[nodiscard]] bool durationFromZero() const { return durationFromZero_; }

    /// Decoder of the video track. Throws std::runtime_error.
    [[nodiscard]] AvCodecContext openDecoder() const;

    /// From now on reading that blocks is given up when `stop` is asked for.
    void stopOn(std::stop_token stop);

    /// Reads the next packet of the chosen tracks. Damaged stretches are skipped; `readError` tells how it ended.
    [[nodiscard]] Reading read(::AVPacket& packet);

    /// After End: libav's error where the file broke off rather than ended, else 0.
    [[nodiscard]] int readError() const { return readError_; }

    /// After End: whether the last packet of video is not whole.
    [[nodiscard]] bool endsInMidPicture() const { return endsInMidPicture_; }

    /// How many bytes have been cut off the file's end, by the sizes written in it; 0 if none, or none that is known
    /// of.
    [[nodiscard]] std::uint64_t missingBytes() const;

  private:
    void open();
    void chooseVideo();
    void chooseAudio();
    void readRotation();

    std::string path_;
    std::stop_token stop_;
    std::optional<PipeInput> pipe_;  // what the file is read through, if it is none
    AvInputFormat format_;
    AVStream* video_ = nullptr;
    std::vector<AVStream*> audio_;
    std::vector<std::string> notes_;
    int rotation_ = 0;
    std::optional<std::chrono::nanoseconds> headerDuration_;
    std::optional<std::chrono::nanoseconds> declaredDuration_;
    bool durationFromZero_ = false;
    int readError_ = 0;
    bool endsInMidPicture_ = false;
};

}  // namespace smartcodec
