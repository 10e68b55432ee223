#pragma once

#include <utility>
#include <vector>

#include "capture/source.h"

namespace smartcodec::test {

/// The pictures of a file.
class PictureSink final : public SourceSink {
  public:
    bool deliver(Frame frame) override {
        frames.push_back(std::move(frame));
        return true;
    }
    bool deliver(Packet) override { return true; }
    void offer(Frame) override {}
    std::vector<Frame> frames;
};

}  // namespace smartcodec::test
