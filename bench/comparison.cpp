#include "bench/comparison.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "bench/picture_reader.h"
#include "capture/file_source.h"

namespace smartcodec::bench {
namespace {

/// A file's clock is coarser than the source's by less than this.
constexpr std::chrono::nanoseconds kClockTolerance = std::chrono::milliseconds(1);

/// A recording as a player shows it.
class Player {
  public:
    explicit Player(const std::string& path)
        : path_(path), reader_(openFile({.path = path, .width = {}, .height = {}})) {
        advance();
        if (!next_)
            throw std::runtime_error("cannot compare '" + path + "': it holds no picture");
    }

    LumaView shownAt(std::chrono::nanoseconds time) {
        while (next_ && ((*next_)->time.time_since_epoch() <= time + kClockTolerance || !shown_)) {
            shown_ = std::move(*next_);
            advance();
        }
        return lumaOf(shown_->picture);
    }

    void compare(const Reference::Moment& moment, bool ssim) {
        const LumaView shown = shownAt(moment.time);
        if (shown.width != moment.luma.width || shown.height != moment.luma.height)
            throw std::runtime_error("cannot compare '" + path_ + "': its size is not the source's");
        meter_.add({.reference = moment.luma, .shown = shown, .mask = moment.mask, .ssim = ssim});
    }

    [[nodiscard]] Quality quality() const { return meter_.quality(); }

  private:
    void advance() { next_ = reader_.next(); }

    std::string path_;
    PictureReader reader_;
    Frame shown_;
    std::optional<Frame> next_;
    QualityMeter meter_;
};

}  // namespace

std::vector<Quality> compareRecordings(Reference& reference, const std::vector<std::string>& recordings,
                                       int ssimEvery) {
    std::vector<std::unique_ptr<Player>> players;
    for (const std::string& path : recordings)
        players.push_back(std::make_unique<Player>(path));
    int index = 0;
    // A thread per recording, not OpenCV's own: those would share one recording's small bands.
    while (const std::optional<Reference::Moment> moment = reference.next()) {
        const bool ssim = index++ % ssimEvery == 0;
        std::vector<std::future<void>> compared;
        for (const auto& player : players)
            compared.push_back(std::async(std::launch::async, [&] { player->compare(*moment, ssim); }));
        for (std::future<void>& one : compared)
            one.get();
    }
    std::vector<Quality> result;
    for (const auto& player : players)
        result.push_back(player->quality());
    return result;
}

}  // namespace smartcodec::bench
