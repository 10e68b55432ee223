#include "bench/picture_reader.h"

#include <exception>
#include <stdexcept>
#include <utility>

namespace smartcodec::bench {
namespace {

constexpr std::size_t kAhead = 2;

}  // namespace

LumaView lumaOf(const Picture& picture) {
    const Plane& plane = picture.planes[0];
    return {reinterpret_cast<const std::uint8_t*>(plane.data), picture.size.width, picture.size.height,
            static_cast<std::ptrdiff_t>(plane.strideBytes)};
}

PictureReader::PictureReader(std::unique_ptr<Source> source)
    : source_(std::move(source)), frames_(kAhead), thread_([this](std::stop_token stop) {
          stop_ = std::move(stop);
          try {
              if (const Status status = source_->run(*this, stop_); !status.ok())
                  failure_ = status.message();
          } catch (const std::exception& error) {
              failure_ = error.what();
          }
          frames_.put(Frame());
      }) {}

PictureReader::~PictureReader() {
    thread_.request_stop();
    // The thread may wait for room; it has ended once the empty frame is out.
    while (!ended_)
        ended_ = !frames_.take();
}

std::optional<Frame> PictureReader::next() {
    if (ended_)
        return std::nullopt;
    Frame frame = frames_.take();
    if (frame)
        return frame;
    ended_ = true;
    if (!failure_.empty())
        throw std::runtime_error(failure_);
    return std::nullopt;
}

bool PictureReader::deliver(Frame frame) {
    if (stop_.stop_requested())
        return false;
    frames_.put(std::move(frame));
    return true;
}

bool PictureReader::deliver(Packet) {
    return true;
}

void PictureReader::offer(Frame frame) {
    frames_.put(std::move(frame));
}

}  // namespace smartcodec::bench
