#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "app/event.h"
#include "capture/clock.h"
#include "capture/unique_fd.h"
#include "mux/file_writer.h"

namespace smartcodec {

/// A file that is being written.
struct OpenOutput {
    std::string path;
    std::unique_ptr<FileWriter> writer;
};

/// What is known of a file once its writer has been ended.
struct EndedFile {
    CaptureTime start{};                                  ///< of its first picture
    CaptureTime end{};                                    ///< until when its last one stands
    std::optional<std::chrono::nanoseconds> motion = {};  ///< how long something moved; empty: unknown
    std::optional<EventNote> event = {};                  ///< that it is of; empty: of none
    bool isTold = false;                                  ///< what went wrong with it has been said
};

/// Makes the files of one recording, one after the other, and sees to what becomes of them. Thread-bound.
class FileSeries {
  public:
    struct Next {
        std::span<const std::byte> parameterSets = {};  ///< borrowed for the call
        bool insteadOfLast = false;  ///< the file before has been removed, since it got no picture: its name is free
        std::optional<CaptureTime> start = {};  ///< of its first picture; empty: it is not there yet
        std::uint64_t segment = 0;              ///< as NewFile::segment
        std::optional<EventNote> event = {};    ///< likewise, and the following
        std::optional<CaptureTime> recordingStart = {};
        bool afterTrouble = false;  ///< the disk has failed, and may be another one now
    };

    virtual ~FileSeries() = default;

    /// Creates the next file. Nothing is replaced unless the recording is to overwrite. Throws as `createFile` does.
    [[nodiscard]] virtual OpenOutput open(const Next& next) = 0;

    /// What is to be on the disk before the file that is open; empty: nothing, or not any more.
    [[nodiscard]] virtual UniqueFd toSyncFirst() { return {}; }
    virtual void firstIsSynced() {}

    /// Its first picture has come.
    virtual void begun(CaptureTime) {}
    /// A picture of that time has come; the file has so many bytes.
    virtual void grew(std::uint64_t, CaptureTime) {}

    /// Closes a file with pictures, whose writer has been ended. One that takes the writer away closes it later.
    virtual Status close(OpenOutput& output, const EndedFile&) { return output.writer->close(); }

    /// Closes a file without a picture, whose writer has been ended, and removes it.
    virtual void discard(OpenOutput& output);

    /// There are no more.
    virtual void end() {}
};

}  // namespace smartcodec
