#include "analysis/decider.h"

namespace smartcodec {

struct Decider::State {
    DeciderConfig config;
    Decision decision;
    bool first = true;
};

Decider::Decider(const DeciderConfig& config) : state_(std::make_unique<State>()) { state_->config = config; }
Decider::~Decider() = default;
Decider::Decider(Decider&&) noexcept = default;
Decider& Decider::operator=(Decider&&) noexcept = default;

const Decision& Decider::decide(const Analyzer&) {
    Decision& decision = state_->decision;
    decision = {};
    decision.bitrate = state_->config.levels[3];
    decision.keyFrame = state_->first;
    return decision;
}

void Decider::recorded(const Analyzer&) { state_->first = false; }
void Decider::requestKeyFrame() { state_->first = true; }

std::array<Bitrate, 4> defaultLevels(Bitrate max) {
    std::array<Bitrate, 4> levels;
    constexpr std::array<std::int64_t, 4> kShare{160, 358, 700, 1400};
    for (std::size_t i = 0; i < levels.size(); ++i)
        levels[i].bitsPerSecond = max.bitsPerSecond * kShare[i] / kShare[3];
    return levels;
}

}  // namespace smartcodec
