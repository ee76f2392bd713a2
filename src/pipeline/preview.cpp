#include "pipeline/preview.h"

#include <algorithm>

#include "pipeline/paint.h"

namespace glm_image::pipeline {
namespace {

/// Enough to recognise the composition by.
constexpr int64_t kDraftSteps = 6;

/// A draft needs the painting stages while the generator is in the middle of its work.
bool all_stages_stay(const Checkpoint& checkpoint) {
  const auto& components = checkpoint.info().components;
  return std::all_of(components.begin(), components.end(), [](const auto& component) {
    return component.resident;
  });
}

/// `count` looks at equal distances between the first step and the last, neither of which is worth
/// one.
std::set<int64_t> spread_looks(int64_t count, int64_t steps) {
  std::set<int64_t> looks;
  for (int64_t k = 1; k <= count; ++k) {
    const int64_t steps_done = k * steps / (count + 1);
    if (steps_done >= 1 && steps_done < steps) looks.insert(steps_done);
  }
  return looks;
}

}  // namespace

Previewer::Previewer(const Checkpoint& checkpoint,
                     const Request& request,
                     std::vector<std::string> texts,
                     PreviewCallback callback)
    : checkpoint_(checkpoint),
      texts_(std::move(texts)),
      callback_(std::move(callback)),
      shown_(request.count, 0) {
  if (!callback_ || request.previews == 0) return;
  const bool writes_preview_grid = request.condition_images.empty() && !request.composition;
  wants_draft_ = writes_preview_grid && all_stages_stay(checkpoint);
  looks_ = spread_looks(request.previews - (wants_draft_ ? 1 : 0), *request.steps);
}

void Previewer::show_draft(const TokenGrid& grid,
                           int64_t picture,
                           uint64_t seed,
                           RunMonitor& monitor) {
  monitor.interlude(Stage::kPreviewing, [&](RunMonitor& quiet) {
    if (!glyphs_) glyphs_ = spell(checkpoint_, texts_, quiet);
    PaintInput input;
    input.height = grid.height * text::kPixelsPerToken;
    input.width = grid.width * text::kPixelsPerToken;
    input.steps = kDraftSteps;
    input.guidance = 1;
    input.glyphs = *glyphs_;
    input.compositions = {{grid, {}}};
    input.seeds = {seed};
    const auto latents = paint(checkpoint_, input, quiet);
    show(decode(checkpoint_, latents, quiet).at(0), picture, /*is_draft=*/true);
  });
}

void Previewer::show_estimate(const Tensor& latents, int64_t picture, RunMonitor& monitor) {
  monitor.interlude(Stage::kPreviewing, [&](RunMonitor& quiet) {
    show(decode(checkpoint_, {latents}, quiet).at(0), picture, /*is_draft=*/false);
  });
}

void Previewer::show(Image image, int64_t picture, bool is_draft) {
  callback_({std::move(image), picture, shown_[picture]++, is_draft});
}

}  // namespace glm_image::pipeline
