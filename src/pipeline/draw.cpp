#include "pipeline/draw.h"

#include "pipeline/compose.h"
#include "pipeline/paint.h"
#include "pipeline/picture_sizes.h"
#include "pipeline/preview.h"
#include "pipeline/request_check.h"
#include "pipeline/spell.h"

namespace glm_image::pipeline {
namespace {

std::vector<uint64_t> picture_seeds(const Request& request) {
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; i < request.count; ++i) {
    seeds.push_back(request.seed + static_cast<uint64_t>(i));
  }
  return seeds;
}

ComposeInput compose_input(const Checkpoint& checkpoint,
                           const Request& request,
                           const std::vector<ConditionPicture>& conditions) {
  ComposeInput input;
  input.prompt = request.prompt;
  input.target = text::target_grid(request.height, request.width);
  input.conditions = conditions;
  input.sampling = {*request.temperature, *request.top_p, checkpoint.sampling.top_k};
  input.seeds = picture_seeds(request);
  return input;
}

/// The pictures' grids alone: what prompt_ids needs of them.
std::vector<ConditionPicture> without_pixels(const std::vector<text::Grid>& grids) {
  std::vector<ConditionPicture> conditions;
  for (const auto& grid : grids) conditions.push_back({Image(), grid});
  return conditions;
}

/// A given composition read its condition pictures at these very sizes.
void check_conditions(const Request& request, const std::vector<text::Grid>& grids) {
  if (!request.composition) return;
  for (size_t i = 0; i < grids.size(); ++i) {
    const auto& given = request.composition->conditions.at(i);
    const auto& found = grids[i];
    if (given.height == found.height && given.width == found.width) continue;
    fail(ErrorCode::kInvalidInput,
         "tokens were made from a condition picture of ",
         given.width,
         "x",
         given.height,
         " tokens; picture ",
         i + 1,
         " has ",
         found.width,
         "x",
         found.height);
  }
}

void count_tokens(const PromptIds& prompt, int64_t pictures, Result& result) {
  for (const auto& grid : prompt.conditions) result.condition_tokens += grid.size();
  result.prompt_tokens = static_cast<int64_t>(prompt.ids.size()) - result.condition_tokens;
  result.generated_tokens = prompt.generated_tokens() * pictures;
}

}  // namespace

Request check_request(const Checkpoint& checkpoint, const Request& request) {
  auto resolved = resolve_request(request, checkpoint);
  const auto grids = condition_grids(checkpoint, resolved);
  check_conditions(resolved, grids);
  if (!resolved.composition) {
    prompt_ids(checkpoint, compose_input(checkpoint, resolved, without_pixels(grids)));
  }
  return resolved;
}

Result draw(const Checkpoint& checkpoint,
            const Request& asked,
            RunMonitor& monitor,
            const PreviewCallback& preview) {
  const torch::NoGradGuard no_grad;
  const auto request = resolve_request(asked, checkpoint);
  const auto grids = condition_grids(checkpoint, request);
  check_conditions(request, grids);
  std::vector<ConditionPicture> conditions;
  for (size_t i = 0; i < grids.size(); ++i) {
    conditions.push_back(
        prepare_condition(checkpoint.image_settings(), request.condition_images[i], grids[i]));
  }

  Result result;
  result.spelled_texts = texts_to_spell(request);

  Previewer previewer(checkpoint, request, result.spelled_texts, preview);
  PaintInput input;
  input.height = request.height;
  input.width = request.width;
  input.steps = *request.steps;
  input.guidance = *request.guidance;
  input.seeds = picture_seeds(request);
  if (request.composition) {
    input.compositions = {*request.composition};
  } else {
    const auto composing = compose_input(checkpoint, request, conditions);
    auto prompt = prompt_ids(checkpoint, composing);
    count_tokens(prompt, request.count, result);
    input.compositions = compose(checkpoint, composing, std::move(prompt), monitor, previewer);
  }
  if (!conditions.empty()) {
    input.condition_latents = encode_conditions(checkpoint, conditions, monitor);
  }
  input.glyphs = spell(checkpoint, result.spelled_texts, monitor);
  const auto latents = paint(checkpoint, input, monitor, &previewer);
  auto images = decode(checkpoint, latents, monitor);
  monitor.end();

  for (size_t i = 0; i < images.size(); ++i) {
    result.pictures.push_back({std::move(images[i]), input.seeds[i], input.compositions[i]});
  }
  result.stages = monitor.reports();
  return result;
}

}  // namespace glm_image::pipeline
