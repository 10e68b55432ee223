#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "analysis/luma_view.h"
#include "app/queue.h"
#include "capture/source.h"

namespace smartcodec::bench {

[[nodiscard]] LumaView lumaOf(const Picture& picture);

/// The pictures of a source, taken one at a time; a thread of its own decodes ahead. For one thread.
class PictureReader final : private SourceSink {
  public:
    explicit PictureReader(std::unique_ptr<Source> source);
    ~PictureReader() override;
    PictureReader(const PictureReader&) = delete;
    PictureReader& operator=(const PictureReader&) = delete;

    [[nodiscard]] const SourceInfo& info() const { return source_->info(); }

    /// Empty at the end. Throws std::runtime_error where the source breaks off.
    [[nodiscard]] std::optional<Frame> next();

  private:
    [[nodiscard]] bool deliver(Frame frame) override;
    [[nodiscard]] bool deliver(Packet packet) override;
    void offer(Frame frame) override;

    std::unique_ptr<Source> source_;
    Queue<Frame> frames_;   // an empty frame: the end
    std::string failure_;   // set before the end is put
    std::stop_token stop_;  // the thread's own
    bool ended_ = false;
    std::jthread thread_;  // last, so that it ends before what it uses
};

}  // namespace smartcodec::bench
