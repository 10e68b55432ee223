#include "analysis/stabiliser.h"

namespace smartcodec {

struct Stabiliser::State {};

Stabiliser::Stabiliser(const StabiliserConfig&) : state_(std::make_unique<State>()) {}
Stabiliser::~Stabiliser() = default;
Stabiliser::Stabiliser(Stabiliser&&) noexcept = default;
Stabiliser& Stabiliser::operator=(Stabiliser&&) noexcept = default;

void Stabiliser::process(const YuvView&, const YuvView&, const Analyzer&, const Decision&) {}
void Stabiliser::learn(const YuvView&, const Analyzer&) {}

}  // namespace smartcodec
