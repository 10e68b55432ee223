#include "mux/mp4_repair.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "capture/libav_handles.h"
#include "capture/unique_fd.h"
#include "mux/mp4_fragment.h"
#include "mux/mp4_options.h"

namespace smartcodec {
namespace {

constexpr int kBufferBytes = 64 << 10;
/// Of the new file over the old one: the index of a file that has lost its own.
constexpr std::uint64_t kIndexShare = 8;
constexpr std::uint64_t kSpareBytes = 1 << 20;

std::string lastError() {
    return std::error_code(errno, std::generic_category()).message();
}

/// The file to repair, as libavformat is to see it.
struct Reader {
    UniqueFd file;
    std::int64_t fileBytes = 0;
    std::int64_t size = 0;  // of what is shown of it
    std::int64_t position = 0;
    std::int64_t patchAt = -1;  // where `patch` stands instead of what the file has; -1: nowhere
    std::array<std::uint8_t, kPlaceholderBytes> patch{};
    bool fragmented = false;
    bool cutShort = false;

    static int read(void* opaque, std::uint8_t* data, int count) {
        auto& reader = *static_cast<Reader*>(opaque);
        if (reader.position >= reader.size)
            return AVERROR_EOF;
        const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(count, reader.size - reader.position));
        const ssize_t got = ::pread(reader.file.get(), data, wanted, reader.position);
        if (got < 0)
            return AVERROR(errno);
        if (got == 0)
            return AVERROR_EOF;
        for (std::size_t i = 0; i < reader.patch.size() && reader.patchAt >= 0; ++i) {
            const std::int64_t at = reader.patchAt + static_cast<std::int64_t>(i) - reader.position;
            if (at >= 0 && at < got)
                data[at] = reader.patch[i];
        }
        reader.position += got;
        return static_cast<int>(got);
    }

    static std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
        auto& reader = *static_cast<Reader*>(opaque);
        if ((whence & ~AVSEEK_FORCE) == AVSEEK_SIZE)
            return reader.size;
        if ((whence & ~AVSEEK_FORCE) != SEEK_SET)
            return AVERROR(EINVAL);
        return reader.position = offset;
    }

    /// Finds out what there is, box by box, and leaves out from where there is none: a box that is cut off, other than
    /// one of media data, or what a disk shows that never stored it.
    void survey() {
        fragmented = false;
        for (std::int64_t at = 0; at < size;) {
            std::array<std::uint8_t, 16> box{};
            const ssize_t got = ::pread(file.get(), box.data(), box.size(), at);
            if (at == patchAt)
                box = patch;
            const std::string_view type(reinterpret_cast<const char*>(&box[4]), 4);
            const std::uint64_t small = number(box, 0, 4);
            const std::uint64_t bytes = small == 1   ? number(box, 8, 8)
                                        : small == 0 ? static_cast<std::uint64_t>(size - at)
                                                     : small;
            const bool whole = bytes <= static_cast<std::uint64_t>(size - at);
            const bool named = std::ranges::all_of(type, [](char letter) { return letter >= ' '; });
            if (got < 8 || bytes < 8 || !named || (!whole && type != "mdat")) {
                size = at;
                cutShort = true;
                return;
            }
            fragmented = fragmented || type == "moof";
            cutShort = !whole;
            at = whole ? at + static_cast<std::int64_t>(bytes) : size;
        }
    }

    static std::uint64_t number(std::span<const std::uint8_t> bytes, std::size_t first, std::size_t count) {
        std::uint64_t value = 0;
        for (const std::uint8_t byte : bytes.subspan(first, count))
            value = value << 8 | byte;
        return value;
    }

    /// The header that hides the fragments of a finished recording, whose index is lost, becomes what it was while they
    /// counted. False if this is no such file.
    bool uncoverFragments() {
        constexpr std::array<std::uint8_t, 8> kMediaData{0, 0, 0, 1, 'm', 'd', 'a', 't'};
        std::array<std::uint8_t, 8> box{};
        const auto readBox = [&](std::int64_t at) { return ::pread(file.get(), box.data(), box.size(), at) == 8; };
        if (patchAt >= 0 || !readBox(0) || std::string_view(reinterpret_cast<const char*>(&box[4]), 4) != "ftyp")
            return false;
        const auto at = static_cast<std::int64_t>(number(box, 0, 4));
        if (!readBox(at) || box != kMediaData)
            return false;
        patch = {0, 0, 0, kPlaceholderBytes, 'f', 'r', 'e', 'e'};
        patchAt = at;
        position = 0;
        size = fileBytes;
        survey();
        return true;
    }
};

struct FreeAvio {
    void operator()(AVIOContext* context) const noexcept {
        av_freep(&context->buffer);
        avio_context_free(&context);
    }
};

/// A recording that is opened.
struct Input {
    Reader reader;
    struct stat status {};
    std::unique_ptr<AVIOContext, FreeAvio> bytes;
    AvInputFormat format;
};

void openFormat(Input& input, const std::string& path) {
    const LibavLog log;
    auto* buffer = static_cast<unsigned char*>(avAllocated(av_malloc(kBufferBytes)));
    input.bytes.reset(avio_alloc_context(buffer, kBufferBytes, 0, &input.reader, Reader::read, nullptr, Reader::seek));
    if (!input.bytes) {
        av_free(buffer);
        throw std::bad_alloc();
    }
    AVFormatContext* format = avAllocated(avformat_alloc_context());
    format->pb = input.bytes.get();
    const AVInputFormat* mp4 = av_find_input_format("mp4");
    int result = avformat_open_input(&format, path.c_str(), mp4, nullptr);  // frees `format` where it fails
    if (result >= 0) {
        input.format.reset(format);
        result = avformat_find_stream_info(format, nullptr);
    }
    if (result < 0)
        throw std::runtime_error("cannot repair '" + path + "': no recording can be found in it: " +
                                 log.explain(result) + "; it is no MP4, or was cut off before its first picture");
}

bool hasVideo(const AVFormatContext* format) {
    for (unsigned i = 0; format && i < format->nb_streams; ++i)
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
            return true;
    return false;
}

std::unique_ptr<Input> openInput(const std::string& path) {
    auto input = std::make_unique<Input>();
    input->reader.file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const int descriptor = input->reader.file.get();
    if (!input->reader.file || ::fstat(descriptor, &input->status) != 0)
        throw std::runtime_error("cannot repair '" + path + "': " + lastError() + "; give an existing recording");
    if (!S_ISREG(input->status.st_mode))
        throw std::runtime_error("cannot repair '" + path + "': it is no file; give a recording");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw std::runtime_error("cannot repair '" + path +
                                 "': it is being recorded or repaired; wait until it is done");
    input->reader.size = input->reader.fileBytes = input->status.st_size;
    input->reader.survey();
    try {
        openFormat(*input, path);
        if (hasVideo(input->format.get()) || !input->reader.uncoverFragments())
            return input;
    } catch (const std::runtime_error&) {
        if (!input->reader.uncoverFragments())
            throw;
    }
    input->format.reset();
    openFormat(*input, path);
    return input;
}

/// A file beside the output that goes when it has not become the output.
class Draft {
  public:
    Draft(const std::string& output, mode_t mode) : output_(output) {
        const std::filesystem::path path(output);
        std::string name = path.filename().string();
        name.insert(name.begin(), '.');
        name.append(".XXXXXX");
        path_ = (path.parent_path() / name).string();
        file_ = UniqueFd(::mkostemp(path_.data(), O_CLOEXEC));
        if (file_)
            (void)::fchmod(file_.get(), mode & 0777);  // some file systems have no modes
        else
            path_.clear();
    }
    ~Draft() {
        if (!path_.empty())
            ::unlink(path_.c_str());
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    [[nodiscard]] bool created() const { return !path_.empty(); }
    [[nodiscard]] const std::string& path() const { return path_; }

    /// In an order that keeps a whole file under the name at every moment. False with errno.
    [[nodiscard]] bool becomeOutput(const struct stat& of) {
        const timespec times[] = {of.st_atim, of.st_mtim};
        (void)::futimens(file_.get(), times);
        if (::fsync(file_.get()) != 0 || ::rename(path_.c_str(), output_.c_str()) != 0)
            return false;
        path_.clear();
        std::filesystem::path folder = std::filesystem::path(output_).parent_path();
        const UniqueFd opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return opened && (::fsync(opened.get()) == 0 || errno == EINVAL);  // some file systems cannot
    }

  private:
    std::string output_;
    std::string path_;
    UniqueFd file_;
};

void copySideData(const AVStream& from, AVStream& to) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    (void)from;  // came with the parameters
    (void)to;
#else
    for (int i = 0; i < from.nb_side_data; ++i) {
        const AVPacketSideData& side = from.side_data[i];
        std::uint8_t* copy = avAllocated(av_stream_new_side_data(&to, side.type, side.size));
        std::copy_n(side.data, side.size, copy);
    }
#endif
}

/// Copies the packets of one file into another.
class Remux {
  public:
    Remux(AVFormatContext& from, const Reader& reader, const std::string& path)
        : from_(from), fragmented_(reader.fragmented), knowsEnd_(!reader.fragmented && !reader.cutShort) {
        AVFormatContext* to = nullptr;
        avformat_alloc_output_context2(&to, nullptr, "mp4", path.c_str());
        to_.reset(avAllocated(to));
        to->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
        to->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
        tracks_.resize(from.nb_streams);
        for (unsigned i = 0; i < from.nb_streams; ++i)
            addTrack(i);
    }

    /// Negative: libav's error.
    int start() {
        int result = avio_open(&to_->pb, to_->url, AVIO_FLAG_WRITE);
        if (result < 0)
            return result;
        Mp4Options options({.ticksPerSecond = videoClock_, .flags = "+faststart"});
        return avformat_write_header(to_.get(), options.dictionary());
    }

    /// Writes what `packet` was read to be, when the next one of its track comes: only the last one's duration is not
    /// told by that. Negative: libav's error.
    int take(AVPacket& packet, bool& whole) {
        whole = packet.size > 0 && (packet.flags & AV_PKT_FLAG_CORRUPT) == 0;
        Track& track = tracks_[static_cast<std::size_t>(packet.stream_index)];
        if (!track.stream || !whole)
            return 0;
        if (!track.last)
            track.firstDecode = packet.dts;
        else if (const int result = write(track, false); result < 0)
            return result;
        track.last.reset(avAllocated(av_packet_clone(&packet)));
        return 0;
    }

    /// `whole`: what the file says of its end holds.
    int finish(bool whole) {
        for (std::size_t i = 0; i < tracks_.size(); ++i) {
            Track& track = tracks_[i];
            if (!track.last)
                continue;
            const AVStream& stream = *from_.streams[i];
            // libavformat guesses the duration of the last packet in fragments, and of reordered ones before 6.0. Of
            // sound with an index it knows it, and counts without what an edit list hides.
            const bool guessed = fragmented_ || stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
            const std::int64_t end = av_sat_add64(track.firstDecode, stream.duration);
            const std::int64_t left = av_sat_sub64(end, track.last->dts);
            if (whole && guessed && stream.duration != AV_NOPTS_VALUE && left > 0)
                track.last->duration = left;
            if (const int result = write(track, true); result < 0)
                return result;
        }
        int result = av_write_trailer(to_.get());
        const int closed = avio_closep(&to_->pb);
        return result < 0 ? result : closed;
    }

    [[nodiscard]] std::uint64_t pictures() const { return pictures_; }
    [[nodiscard]] std::chrono::nanoseconds end() const { return end_; }

  private:
    struct Track {
        AVStream* stream = nullptr;  // null: not copied
        AvPacket last;
        std::int64_t firstDecode = 0;
    };

    void addTrack(unsigned index) {
        const AVStream& from = *from_.streams[index];
        const AVMediaType type = from.codecpar->codec_type;
        if (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO)
            return;
        AVStream& to = *avAllocated(avformat_new_stream(to_.get(), nullptr));
        if (avcodec_parameters_copy(to.codecpar, from.codecpar) < 0)
            throw std::bad_alloc();
        copySideData(from, to);
        av_dict_copy(&to.metadata, from.metadata, 0);
        to.time_base = from.time_base;
        to.disposition = from.disposition;
        to.avg_frame_rate = from.avg_frame_rate;
        to.sample_aspect_ratio = from.sample_aspect_ratio;
        if (type == AVMEDIA_TYPE_VIDEO)
            videoClock_ = from.time_base.den;
        tracks_[index].stream = &to;
    }

    /// Reordered pictures' durations libavformat guesses before 6.0. Of all but the packet that comes last the muxer
    /// asks only when the last picture ends; with an index that is known.
    std::int64_t shownFor(const AVPacket& packet, const AVStream& from) const {
        if (!knowsEnd_ || from.duration == AV_NOPTS_VALUE || from.start_time == AV_NOPTS_VALUE)
            return packet.duration;
        return std::max<std::int64_t>(1, av_sat_sub64(av_sat_add64(from.start_time, from.duration), packet.pts));
    }

    int write(Track& track, bool last) {
        AVPacket& packet = *track.last;
        const AVStream& from = *from_.streams[packet.stream_index];
        if (from.codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
            ++pictures_;
            const std::int64_t end = av_sat_add64(packet.pts, shownFor(packet, from));
            end_ = std::max(end_, std::chrono::nanoseconds(av_rescale_q(end, from.time_base, {1, 1'000'000'000})));
        }
        if (!last && from.codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
            packet.duration = shownFor(packet, from);
        packet.stream_index = track.stream->index;
        packet.pos = -1;
        av_packet_rescale_ts(&packet, from.time_base, track.stream->time_base);
        return av_interleaved_write_frame(to_.get(), &packet);
    }

    AVFormatContext& from_;
    const bool fragmented_;
    const bool knowsEnd_;
    AvOutputFormat to_;
    std::vector<Track> tracks_;
    int videoClock_ = 90'000;
    std::uint64_t pictures_ = 0;
    std::chrono::nanoseconds end_{0};
};

/// Throws where the output must not be written, before anything is.
void checkOutput(const RepairConfig& config, const struct stat& input) {
    struct stat status {};
    if (::stat(config.output.c_str(), &status) != 0)
        return;
    const bool same = status.st_dev == input.st_dev && status.st_ino == input.st_ino;
    if (!same && !S_ISREG(status.st_mode))
        throw std::runtime_error("cannot write '" + config.output + "': it is no file; give another one");
    if (!same && !config.overwrite)
        throw std::runtime_error("'" + config.output + "' exists; give --overwrite to replace it");
}

/// Empty if the new file will fit beside the old one.
std::string lackOfRoom(const RepairConfig& config, std::uint64_t inputBytes) {
    const std::filesystem::path folder = std::filesystem::path(config.output).parent_path();
    struct statvfs disk {};
    if (::statvfs(folder.empty() ? "." : folder.c_str(), &disk) != 0)
        return {};  // creating the file will say why
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    const std::uint64_t needed = inputBytes + inputBytes / kIndexShare + kSpareBytes;
    if (free >= needed)
        return {};
    constexpr std::uint64_t kMegabyte = 1'000'000;
    return std::to_string(needed / kMegabyte + 1) + " MB are needed beside '" + config.output + "', " +
           std::to_string(free / kMegabyte) + " MB are free; make room, or give another place with -o";
}

}  // namespace

Status repairMp4(const RepairConfig& config, RepairedFile& result) {
    silenceLibav();
    const std::unique_ptr<Input> input = openInput(config.input);
    if (!hasVideo(input->format.get()))
        throw std::runtime_error("cannot repair '" + config.input + "': it holds no video");
    checkOutput(config, input->status);

    const auto failure = [&config](const std::string& why) {
        return Status::failure("'" + config.input + "' is not repaired, and as it was: " + why);
    };
    if (const std::string lack = lackOfRoom(config, static_cast<std::uint64_t>(input->reader.fileBytes)); !lack.empty())
        return failure(lack);
    Draft draft(config.output, input->status.st_mode);
    if (!draft.created())
        return failure("no file can be made beside '" + config.output + "': " + lastError());

    Remux remux(*input->format, input->reader, draft.path());
    int error = remux.start();
    AvPacket packet(avAllocated(av_packet_alloc()));
    bool whole = true;
    while (error >= 0 && whole) {
        if (const int read = av_read_frame(input->format.get(), packet.get()); read < 0) {
            whole = read == AVERROR_EOF;
            break;
        }
        error = remux.take(*packet, whole);
        av_packet_unref(packet.get());
        if (config.stopped && config.stopped())
            return failure("stopped");
    }
    if (error >= 0)
        error = remux.finish(whole);
    result.cutShort = !whole || input->reader.cutShort;
    if (error < 0)
        return failure("writing '" + config.output + "': " + libavError(error) + "; make room or check the disk");
    result.pictures = remux.pictures();
    result.duration = remux.end();
    if (result.pictures == 0)
        throw std::runtime_error("cannot repair '" + config.input + "': it was cut off before its first picture");
    if (!draft.becomeOutput(input->status))
        return failure("storing '" + config.output + "': " + lastError());
    return {};
}

}  // namespace smartcodec
