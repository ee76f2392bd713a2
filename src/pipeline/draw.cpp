#include "pipeline/draw.h"

#include "pipeline/compose.h"
#include "pipeline/paint.h"
#include "pipeline/request_check.h"
#include "pipeline/spell.h"
#include "text/glyph_texts.h"

namespace glm_image::pipeline {
namespace {

std::vector<uint64_t> picture_seeds(const Request& request) {
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; i < request.count; ++i) {
    seeds.push_back(request.seed + static_cast<uint64_t>(i));
  }
  return seeds;
}

std::vector<Composition> compositions_of(const Checkpoint& checkpoint,
                                         const Request& request,
                                         const std::vector<ConditionPicture>& conditions,
                                         RunMonitor& monitor) {
  if (request.composition) return {*request.composition};
  ComposeInput input;
  input.prompt = request.prompt;
  input.target = text::target_grid(request.height, request.width);
  input.conditions = conditions;
  input.sampling = {*request.temperature, *request.top_p, checkpoint.sampling.top_k};
  input.seeds = picture_seeds(request);
  return compose(checkpoint, input, monitor);
}

}  // namespace

std::vector<std::string> texts_to_spell(const Request& request) {
  const auto rules = request.glyph_rules == GlyphRules::kSmart ? text::GlyphRules::kSmart
                                                               : text::GlyphRules::kReference;
  auto texts = text::glyph_texts(request.prompt, rules);
  texts.insert(texts.end(), request.texts.begin(), request.texts.end());
  return texts;
}

Result draw(const Checkpoint& checkpoint, const Request& asked, RunMonitor& monitor) {
  const torch::NoGradGuard no_grad;
  const auto request = resolve_request(asked, checkpoint);
  std::vector<ConditionPicture> conditions;
  for (const auto& image : request.condition_images) {
    conditions.push_back(prepare_condition(checkpoint.image_settings, image));
  }

  Result result;
  result.spelled_texts = texts_to_spell(request);

  PaintInput input;
  input.height = request.height;
  input.width = request.width;
  input.steps = request.steps;
  input.guidance = request.guidance;
  input.seeds = picture_seeds(request);
  input.compositions = compositions_of(checkpoint, request, conditions, monitor);
  if (!conditions.empty()) {
    input.condition_latents = encode_conditions(checkpoint, conditions, monitor);
  }
  input.glyphs = spell(checkpoint, result.spelled_texts, monitor);
  const auto latents = paint(checkpoint, input, monitor);
  const auto images = decode(checkpoint, latents, monitor);
  monitor.end();

  for (size_t i = 0; i < images.size(); ++i) {
    result.pictures.push_back({images[i], input.seeds[i], input.compositions[i]});
  }
  result.stages = monitor.reports();
  return result;
}

}  // namespace glm_image::pipeline
