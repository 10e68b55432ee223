#include "tests/capture/recording_sink.h"

#include <stdexcept>
#include <utility>

namespace smartcodec::test {
namespace {

int sampleAt(const Plane& plane, int x, int y) {
    return std::to_integer<int>(
        plane.data[static_cast<std::size_t>(y) * plane.strideBytes + static_cast<std::size_t>(x)]);
}

/// Mean of every `step`th byte of the rows from `first` on.
double mean(const Picture& picture, int plane, int first = 0, int step = 1) {
    const Size bytes = planeSizeBytes(picture.format, picture.size, plane);
    double sum = 0;
    int count = 0;
    for (int y = 0; y < bytes.height; ++y) {
        for (int x = first; x < bytes.width; x += step) {
            sum += sampleAt(picture.planes[static_cast<std::size_t>(plane)], x, y);
            ++count;
        }
    }
    return sum / count;
}

SeenFrame look(const Frame& frame) {
    const Picture& picture = frame->picture;
    SeenFrame seen;
    seen.time = frame->time.time_since_epoch();
    seen.duration = frame->duration;
    seen.sequence = frame->sequence;
    seen.format = picture.format;
    seen.size = picture.size;
    seen.memory = picture.planes[0].data;
    seen.luma = mean(picture, 0);
    const bool planar = picture.format == kYuv420;
    seen.cb = planar ? mean(picture, 1) : mean(picture, 1, 0, 2);
    seen.cr = planar ? mean(picture, 2) : mean(picture, 1, 1, 2);
    for (int x = 0; x < picture.size.width; ++x)
        seen.topRow.push_back(sampleAt(picture.planes[0], x, 0));
    for (int y = 0; y < picture.size.height; ++y)
        seen.leftColumn.push_back(sampleAt(picture.planes[0], 0, y));
    return seen;
}

}  // namespace

bool RecordingSink::deliver(Frame frame) {
    frames.push_back(look(frame));
    if (keep)
        kept.push_back(std::move(frame));
    if (frames.size() >= stopAfter)
        stop.request_stop();
    return frames.size() < wanted;
}

bool RecordingSink::deliver(Packet packet) {
    packets.push_back(
        {packet.stream, packet.presentation.time_since_epoch(), packet.duration, packet.data.size(), frames.size()});
    return true;
}

void RecordingSink::offer(Frame) {
    throw std::logic_error("a file must not offer frames: they could be lost");
}

std::vector<std::chrono::nanoseconds> SeenFile::times() const {
    std::vector<std::chrono::nanoseconds> result;
    for (const SeenFrame& frame : sink.frames)
        result.push_back(frame.time);
    return result;
}

SeenFile readFile(const FileSourceConfig& config) {
    SeenFile seen;
    seen.source = openFile(config);
    seen.status = seen.source->run(seen.sink, seen.sink.stop.get_token());
    return seen;
}

}  // namespace smartcodec::test
