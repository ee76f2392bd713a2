#pragma once

#include <set>
#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"
#include "pipeline/spell.h"

namespace glm_image::pipeline {

/// Generates previews of the pictures of one request and passes them to the caller. It has its own
/// random numbers, so previews do not change the pictures.
class Previewer {
 public:
  /// `request` must be resolved (request_check). Without a callback or requested previews,
  /// generates nothing. `all_stay`: the later stages fit into memory while the generator runs, as
  /// drafts need it.
  Previewer(const Checkpoint& checkpoint,
            const Request& request,
            std::vector<std::string> texts,
            bool all_stay,
            PreviewCallback callback);

  bool wants_draft() const { return wants_draft_; }
  /// Denoises the generator's preview grid in few steps and without guidance.
  void show_draft(const TokenGrid& grid, int64_t picture, uint64_t seed, RunMonitor& monitor);

  /// Whether to show a preview after `steps_done` denoising steps.
  bool wants_estimate(int64_t steps_done) const { return preview_steps_.count(steps_done) != 0; }
  /// Decodes the predicted clean latents, normalised, [1, C, H/f, W/f].
  void show_estimate(const Tensor& latents, int64_t picture, RunMonitor& monitor);

 private:
  void show(Image image, int64_t picture, bool is_draft);

  const Checkpoint& checkpoint_;
  std::vector<std::string> texts_;
  std::vector<AdapterUse> adapters_;
  PreviewCallback callback_;
  bool wants_draft_ = false;
  std::set<int64_t> preview_steps_;  // numbers of steps done
  std::optional<Glyphs> glyphs_;
  std::vector<int64_t> shown_;  // number of previews shown, by picture
  int64_t pictures_;            // of the result
};

}  // namespace glm_image::pipeline
