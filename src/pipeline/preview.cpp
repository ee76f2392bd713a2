#include "pipeline/preview.h"

#include "pipeline/paint.h"
#include "pipeline/request_values.h"

namespace glm_image::pipeline {
namespace {

/// Spreads `count` previews evenly over the steps, without one before the first or after the last.
std::set<int64_t> preview_steps(int64_t count, int64_t steps) {
  std::set<int64_t> chosen;
  for (int64_t k = 1; k <= count; ++k) {
    const int64_t steps_done = k * steps / (count + 1);
    if (steps_done >= 1 && steps_done < steps) chosen.insert(steps_done);
  }
  return chosen;
}

}  // namespace

Previewer::Previewer(const Checkpoint& checkpoint,
                     const Request& request,
                     std::vector<std::string> texts,
                     bool all_stay,
                     PreviewCallback callback)
    : checkpoint_(checkpoint),
      texts_(std::move(texts)),
      adapters_(*request.adapters),
      callback_(std::move(callback)),
      shown_(compositions_of(request), 0),
      pictures_(request.count) {
  if (!callback_ || request.previews == 0) return;
  const bool writes_preview_grid = request.condition_images.empty() && !request.composition;
  wants_draft_ = writes_preview_grid && all_stay;
  preview_steps_ = preview_steps(request.previews - (wants_draft_ ? 1 : 0), *request.steps);
}

void Previewer::show_draft(const TokenGrid& grid,
                           int64_t picture,
                           uint64_t seed,
                           RunMonitor& monitor) {
  if (picture >= pictures_) return;  // a candidate that may never be painted
  monitor.nested_stage(Stage::kPreviewing, [&](RunMonitor& quiet) {
    if (!glyphs_) glyphs_ = spell(checkpoint_, texts_, quiet);
    const auto latents =
        paint(checkpoint_, draft_input({grid}, *glyphs_, {seed}, adapters_), quiet);
    show(decode(checkpoint_, latents, quiet).at(0), picture, /*is_draft=*/true);
  });
}

void Previewer::show_estimate(const Tensor& latents, int64_t picture, RunMonitor& monitor) {
  monitor.nested_stage(Stage::kPreviewing, [&](RunMonitor& quiet) {
    show(decode(checkpoint_, {latents}, quiet).at(0), picture, /*is_draft=*/false);
  });
}

void Previewer::show(Image image, int64_t picture, bool is_draft) {
  callback_({std::move(image), picture, shown_[picture]++, is_draft});
}

}  // namespace glm_image::pipeline
