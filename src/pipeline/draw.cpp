#include "pipeline/draw.h"

#include "pipeline/compose.h"
#include "pipeline/memory_plan.h"
#include "pipeline/paint.h"
#include "pipeline/picture_sizes.h"
#include "pipeline/preview.h"
#include "pipeline/rank_group.h"
#include "pipeline/request_check.h"
#include "pipeline/request_values.h"
#include "pipeline/speed.h"
#include "pipeline/spell.h"

namespace glm_image::pipeline {
namespace {

std::vector<uint64_t> picture_seeds(const Request& request) {
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; i < compositions_of(request); ++i) {
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
  input.draft = request.draft;
  if (request.composition) input.preview = request.composition->preview;
  input.adapters = *request.adapters;
  return input;
}

/// Whether the generator must run.
bool needs_composing(const Request& request) {
  return !request.composition || request.composition->is_draft();
}

PaintInput paint_input(const Request& request,
                       std::vector<Composition> compositions,
                       Glyphs glyphs) {
  PaintInput input;
  input.height = request.height;
  input.width = request.width;
  input.steps = *request.steps;
  input.sampling = sampling_options(request);
  input.step_cache = *request.step_cache;
  input.seeds = picture_seeds(request);
  input.compositions = std::move(compositions);
  input.glyphs = std::move(glyphs);
  input.adapters = *request.adapters;
  return input;
}

PaintInput drafts_input(const Request& request,
                        const std::vector<Composition>& drafts,
                        Glyphs glyphs) {
  std::vector<TokenGrid> previews;
  previews.reserve(drafts.size());
  for (const auto& draft : drafts) previews.push_back(draft.preview);
  return draft_input(previews, std::move(glyphs), picture_seeds(request), *request.adapters);
}

/// Condition pictures with grids only, which is all that prompt_ids needs.
std::vector<ConditionPicture> without_pixels(const std::vector<text::Grid>& grids) {
  std::vector<ConditionPicture> conditions;
  conditions.reserve(grids.size());
  for (const auto& grid : grids) conditions.push_back({Image(), grid});
  return conditions;
}

/// Checks that a given composition was made from condition pictures of these sizes.
void check_conditions(const Request& request, const std::vector<text::Grid>& grids) {
  if (!request.composition) return;
  for (size_t i = 0; i < grids.size(); ++i) {
    const auto& given = request.composition->conditions.at(i);
    const auto& found = grids[i];
    if (given.height == found.height && given.width == found.width) continue;
    fail_at(ErrorCode::kInvalidInput,
            {"", "composition"},
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

/// `given`: tokens of a preview grid that the request brought.
void count_tokens(const PromptIds& prompt, int64_t pictures, size_t given, Result& result) {
  for (const auto& grid : prompt.conditions) result.condition_tokens += grid.size();
  result.prompt_tokens = static_cast<int64_t>(prompt.ids.size()) - result.condition_tokens;
  result.generated_tokens = (prompt.generated_tokens() - static_cast<int64_t>(given)) * pictures;
}

void require_verifier(const Request& request, const TextVerifier* verifier) {
  if (!wants_verification(request)) return;
  if (verifier == nullptr) {
    fail_at(ErrorCode::kUnsupported,
            {"", "verify"},
            "verify needs a reader of text, which was not given");
  }
  verifier->require(texts_to_spell(request));
}

/// The input for one of the pictures.
PaintInput only(const PaintInput& input, std::size_t picture) {
  auto one = input;
  one.compositions = {input.compositions[picture]};
  one.seeds = {input.seeds[picture]};
  return one;
}

void verify(Picture& picture,
            const std::vector<std::string>& texts,
            RunMonitor& monitor,
            TextVerifier& verifier) {
  monitor.begin(Stage::kVerifying, 1);
  picture.verification = verifier.verify(picture.image, texts);
  monitor.step(1);
}

/// Scores a picture by the number of correct texts, then by their similarity.
std::pair<std::size_t, double> right_texts(const Picture& picture) {
  std::pair<std::size_t, double> right{0, 0};
  for (const auto& check : picture.verification) {
    right.first += check.state == TextState::kFound ? 1 : 0;
    right.second += check.similarity;
  }
  return right;
}

}  // namespace

Request check_request(const Checkpoint& checkpoint,
                      const Request& request,
                      const TextVerifier* verifier) {
  auto resolved = resolve_request(request, checkpoint);
  require_verifier(resolved, verifier);
  const auto grids = condition_grids(checkpoint, resolved);
  check_conditions(resolved, grids);
  resolved.condition_sizes.clear();
  for (const auto& grid : grids) {
    const int64_t side = token_pixels(checkpoint.image_settings());
    resolved.condition_sizes.push_back({grid.width * side, grid.height * side});
  }
  if (needs_composing(resolved)) {
    prompt_ids(checkpoint, compose_input(checkpoint, resolved, without_pixels(grids)));
  }
  require_memory(plan_request(checkpoint, resolved).memory, resolved);
  return resolved;
}

Result draw(const Checkpoint& checkpoint,
            const Request& asked,
            RunMonitor& monitor,
            const PreviewCallback& preview,
            TextVerifier* verifier,
            RankGroup* ranks,
            const LoadedModules* loaded) {
  const torch::NoGradGuard no_grad;
  const auto request = resolve_request(asked, checkpoint);
  const bool leads = ranks == nullptr || ranks->leads();
  if (leads) require_verifier(request, verifier);
  const auto grids = condition_grids(checkpoint, request);
  check_conditions(request, grids);
  auto* const share = ranks != nullptr ? ranks->generator() : nullptr;
  const auto plan =
      plan_request(checkpoint, request, loaded, share ? share->shard() : models::GeneratorShard());
  require_memory(plan.memory, request);
  std::vector<ConditionPicture> conditions;
  for (size_t i = 0; i < grids.size(); ++i) {
    conditions.push_back(
        prepare_condition(checkpoint.image_settings(), request.condition_images[i], grids[i]));
  }

  Result result;
  result.spelled_texts = texts_to_spell(request);

  Previewer previewer(checkpoint,
                      request,
                      result.spelled_texts,
                      plan.all_stay,
                      leads ? preview : PreviewCallback());
  std::vector<Composition> compositions;
  if (needs_composing(request) && (leads || share != nullptr)) {
    auto composing = compose_input(checkpoint, request, conditions);
    composing.load = plan.compose;
    composing.share = share;
    if (loaded != nullptr) composing.generator = loaded->generator;
    auto prompt = prompt_ids(checkpoint, composing);
    count_tokens(prompt, compositions_of(request), composing.preview.tokens.size(), result);
    compositions = compose(checkpoint, composing, std::move(prompt), monitor, previewer);
  } else if (request.composition) {
    compositions = {*request.composition};
  }
  if (!leads && !ranks->paints_together()) {
    monitor.end();
    result.stages = monitor.reports();
    return result;
  }
  if (needs_composing(request) && ranks != nullptr && share == nullptr) ranks->share(compositions);
  std::vector<Tensor> condition_latents;
  if (!conditions.empty()) {
    condition_latents = encode_conditions(checkpoint, conditions, monitor, plan.encode);
  }
  auto glyphs = spell(checkpoint, result.spelled_texts, monitor, plan.spell);
  auto input = request.draft ? drafts_input(request, compositions, std::move(glyphs))
                             : paint_input(request, compositions, std::move(glyphs));
  input.condition_latents = std::move(condition_latents);
  input.load = plan.paint;
  if (loaded != nullptr) input.transformer = loaded->transformer;
  const auto finish = [&](const PaintInput& part, bool shows_previews) {
    const auto latents =
        paint(checkpoint, part, monitor, shows_previews ? &previewer : nullptr, ranks);
    if (!leads) return std::vector<Image>();
    return decode(checkpoint, latents, monitor, plan.decode);
  };
  if (request.best_of == 1) {
    auto images = finish(input, /*shows_previews=*/!request.draft);
    for (size_t i = 0; i < images.size(); ++i) {
      result.pictures.push_back({std::move(images[i]), input.seeds[i], std::move(compositions[i])});
      if (request.verify) verify(result.pictures[i], result.spelled_texts, monitor, *verifier);
    }
  } else {
    // Candidates are painted one by one, so that a correct one saves painting the rest.
    bool is_right = false;
    for (size_t i = 0; i < compositions.size() && !is_right; ++i) {
      for (auto& image : finish(only(input, i), /*shows_previews=*/i == 0)) {
        Picture candidate{std::move(image), input.seeds[i], std::move(compositions[i])};
        verify(candidate, result.spelled_texts, monitor, *verifier);
        is_right = all_texts_right(candidate.verification);
        if (i == 0) {
          result.pictures.push_back(std::move(candidate));
        } else if (right_texts(candidate) > right_texts(result.pictures.front())) {
          result.pictures.front() = std::move(candidate);
        }
      }
      ++result.candidates;
      // Only the leader has pictures to verify.
      if (ranks != nullptr && ranks->paints_together()) is_right = ranks->agree(is_right);
    }
  }
  monitor.end();
  result.stages = monitor.reports();
  return result;
}

}  // namespace glm_image::pipeline
