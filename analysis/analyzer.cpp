#include "analysis/analyzer.h"

namespace smartcodec {

struct Analyzer::State {
    Measurement measurement;
};

Analyzer::Analyzer(const AnalyzerConfig&) : state_(std::make_unique<State>()) {}
Analyzer::~Analyzer() = default;
Analyzer::Analyzer(Analyzer&&) noexcept = default;
Analyzer& Analyzer::operator=(Analyzer&&) noexcept = default;

void Analyzer::measure(const LumaView&, const PictureContext& context) { state_->measurement.time = context.time; }

}  // namespace smartcodec
