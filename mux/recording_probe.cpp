#include "mux/recording_probe.h"

extern "C" {
#include <libavformat/avformat.h>
}

#include <algorithm>

#include "capture/libav_handles.h"
#include "encoder/codec.h"
#include "mux/file_writer.h"

namespace smartcodec {
namespace {

const AVInputFormat* formatOf(const std::string& path) {
    const std::optional<Codec> raw = rawStreamCodec(path);
    if (!raw)
        return av_find_input_format("mp4");
    return *raw == Codec::Fwht ? nullptr : av_find_input_format(*raw == Codec::H264 ? "h264" : "hevc");
}

}  // namespace

std::optional<ProbedRecording> probeRecording(const std::string& path) {
    silenceLibav();
    const AVInputFormat* format = formatOf(path);
    AVFormatContext* opened = nullptr;
    const std::string url = "file:" + path;  // a name may look like a protocol's
    if (!format || avformat_open_input(&opened, url.c_str(), format, nullptr) < 0)
        return std::nullopt;
    const AvInputFormat input(opened);
    // Without it the last picture of some fragments has no duration. Its failure shows below.
    (void)avformat_find_stream_info(input.get(), nullptr);
    const bool raw = rawStreamCodec(path).has_value();
    ProbedRecording result;
    std::int64_t end = 0;
    AvPacket packet(avAllocated(av_packet_alloc()));
    while (av_read_frame(input.get(), packet.get()) >= 0) {
        const AVStream& stream = *input->streams[packet->stream_index];
        if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
            ++result.pictures;
            if (!raw && packet->pts != AV_NOPTS_VALUE)
                end = std::max(end, av_rescale_q(av_sat_add64(packet->pts, packet->duration), stream.time_base,
                                                 {1, 1'000'000'000}));
        }
        av_packet_unref(packet.get());
    }
    if (result.pictures == 0)
        return std::nullopt;
    // By the packets the last HEVC picture of a fragment stands for one frame time, whatever the fragment says.
    for (unsigned i = 0; !raw && i < input->nb_streams; ++i) {
        const AVStream& stream = *input->streams[i];
        if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && stream.start_time != AV_NOPTS_VALUE &&
            stream.duration != AV_NOPTS_VALUE)
            end =
                std::max(end, av_rescale_q(stream.start_time + stream.duration, stream.time_base, {1, 1'000'000'000}));
    }
    if (!raw)
        result.duration = std::chrono::nanoseconds(end);
    return result;
}

}  // namespace smartcodec
