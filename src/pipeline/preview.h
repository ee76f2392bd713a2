#pragma once

#include <set>
#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"
#include "pipeline/spell.h"

namespace glm_image::pipeline {

/// Draws early looks at the pictures of one request and hands them to the caller. Takes no random
/// number from the pictures' own generators, so that looking changes nothing.
class Previewer {
 public:
  /// `request` is resolved (request_check). Without a callback, or with no previews asked for, it
  /// draws nothing.
  Previewer(const Checkpoint& checkpoint,
            const Request& request,
            std::vector<std::string> texts,
            PreviewCallback callback);

  bool wants_draft() const { return wants_draft_; }
  /// Paints the generator's preview grid, in few steps and without guidance.
  void show_draft(const TokenGrid& grid, int64_t picture, uint64_t seed, RunMonitor& monitor);

  /// Whether to look after `steps_done` denoising steps.
  bool wants_estimate(int64_t steps_done) const { return looks_.count(steps_done) != 0; }
  /// Decodes what the denoiser now expects: normalised latents [1, C, H/f, W/f].
  void show_estimate(const Tensor& latents, int64_t picture, RunMonitor& monitor);

 private:
  void show(Image image, int64_t picture, bool is_draft);

  const Checkpoint& checkpoint_;
  std::vector<std::string> texts_;
  PreviewCallback callback_;
  bool wants_draft_ = false;
  std::set<int64_t> looks_;  // numbers of steps done
  std::optional<Glyphs> glyphs_;
  std::vector<int64_t> shown_;  // looks handed over, by picture
};

}  // namespace glm_image::pipeline
