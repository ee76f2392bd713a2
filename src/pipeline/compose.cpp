#include "pipeline/compose.h"

#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "image/image_limits.h"
#include "nn/rows_together.h"
#include "pipeline/decoding.h"
#include "pipeline/memory_plan.h"
#include "pipeline/request_values.h"
#include "pipeline/weight_progress.h"
#include "text/rotary_positions.h"

namespace glm_image::pipeline {
namespace {

/// Returns the VQ ids of the condition pictures.
std::vector<TokenGrid> read_conditions(const Checkpoint& checkpoint,
                                       const models::GlmImageForConditionalGeneration& model,
                                       const std::vector<ConditionPicture>& conditions,
                                       RunMonitor& monitor) {
  std::vector<TokenGrid> grids;
  if (conditions.empty()) return grids;
  monitor.begin(Stage::kReadingPictures,
                kStepsPerPicture * static_cast<int64_t>(conditions.size()));
  for (const auto& condition : conditions) {
    const auto patches = vision_patches(checkpoint.image_settings(), condition);
    monitor.observe("ar.pixel_values", patches);
    const auto features = model->visual
                              ->forward(patches.unsqueeze(0).to(checkpoint.placement().device),
                                        condition.grid.height,
                                        condition.grid.width)
                              .squeeze(0);
    monitor.observe("vit.features", features);
    const auto ids = model->vqmodel->encode(features).to(at::kCPU).contiguous();
    const auto* data = ids.data_ptr<int64_t>();
    grids.push_back({condition.grid.height, condition.grid.width, {data, data + ids.numel()}});
    monitor.step(kStepsPerPicture * static_cast<int64_t>(grids.size()));
  }
  return grids;
}

/// Broadcasts the ids of the condition pictures from rank 0. `sizes`: of the grids.
void share_conditions(std::vector<TokenGrid>& conditions,
                      const std::vector<text::Grid>& sizes,
                      models::GeneratorShare& share) {
  conditions.resize(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto& grid = conditions[i];
    grid.height = sizes[i].height;
    grid.width = sizes[i].width;
    grid.tokens.resize(static_cast<size_t>(sizes[i].size()));
    auto ids = torch::tensor(grid.tokens);
    share.broadcast(ids);
    const auto* data = ids.data_ptr<int64_t>();
    grid.tokens.assign(data, data + ids.numel());
  }
}

/// Replaces every placeholder by the condition pictures' next id.
void fill_placeholders(std::vector<int64_t>& ids,
                       int64_t placeholder,
                       const std::vector<TokenGrid>& conditions) {
  std::vector<int64_t> codes;
  for (const auto& grid : conditions)
    codes.insert(codes.end(), grid.tokens.begin(), grid.tokens.end());
  size_t next = 0;
  for (auto& id : ids) {
    if (id != placeholder) continue;
    GLM_IMAGE_CHECK(next < codes.size(), "more placeholders than visual tokens");
    id = codes[next++];
  }
  GLM_IMAGE_CHECK(next == codes.size(), "fewer placeholders than visual tokens");
}

/// `generated`: the tokens of all grids of the prompt but the preview grid that was given.
Composition composition_of(const ComposeInput& input,
                           const PromptIds& prompt,
                           const std::vector<int64_t>& generated,
                           const std::vector<TokenGrid>& conditions) {
  Composition composition;
  composition.conditions = conditions;
  composition.preview = input.preview;
  auto next = generated.begin();
  const auto take = [&](const text::Grid& grid) {
    const auto begin = next;
    next += grid.size();
    return TokenGrid{grid.height, grid.width, {begin, next}};
  };
  const bool has_preview = input.conditions.empty();
  if (has_preview && input.preview.tokens.empty()) {
    composition.preview = take(prompt.generated.front());
  }
  composition.picture =
      input.draft ? TokenGrid{input.target.height, input.target.width, {}} : take(input.target);
  return composition;
}

}  // namespace

int64_t PromptIds::generated_tokens() const {
  int64_t tokens = 0;
  for (const auto& grid : generated) tokens += grid.size();
  return tokens;
}

int64_t text_tokens(const Checkpoint& checkpoint,
                    const std::string& prompt,
                    size_t condition_images,
                    const text::Grid& target) {
  const std::vector<text::Grid> without_tokens(condition_images);
  const auto ids = text::image_to_image_prompt(
      prompt, without_tokens, target, checkpoint.prompt_tokens, *checkpoint.tokenizer);
  return static_cast<int64_t>(ids.size());
}

namespace {

/// Refuses a prompt that does not fit the context with its pictures. The error is about the field
/// that takes most of it: prompt, size, or condition_images.
void check_context(const Checkpoint& checkpoint,
                   const PromptIds& prompt,
                   const ComposeInput& input) {
  const int64_t context = checkpoint.vision_language.text.max_position_embeddings;
  const int64_t generated = prompt.generated_tokens();
  const auto read = static_cast<int64_t>(prompt.ids.size());
  if (read + generated <= context) return;
  const auto& target = input.target;
  const auto words = input.conditions.empty()
                         ? read
                         : text_tokens(checkpoint, input.prompt, /*condition_images=*/0, target);
  const int64_t conditions = read - words;  // with the markers around them
  const auto refuse = [&](const char* field, const auto&... parts) {
    fail_at(ErrorCode::kInvalidInput,
            {"", field},
            parts...,
            " do not fit the model's context of ",
            context);
  };
  const auto of_pictures =
      conditions == 0 ? std::string()
                      : concat(" and at least ", conditions, " of the pictures to start from");
  const char* joint = conditions == 0 ? " and" : ",";
  if (words >= std::max(generated, conditions)) {
    refuse("prompt",
           "prompt is too long: its ",
           words,
           " tokens",
           joint,
           " the new picture's ",
           generated,
           of_pictures);
  }
  if (conditions > generated) {
    refuse("condition_images",
           "pictures to start from: at least ",
           conditions,
           " tokens of ",
           prompt.conditions.size(),
           ", the prompt's ",
           words,
           " and the new picture's ",
           generated);
  }
  refuse("size",
         "size ",
         target.width * text::kTokenSide,
         "x",
         target.height * text::kTokenSide,
         " is too large: the picture's ",
         generated,
         " tokens",
         joint,
         " the prompt's ",
         words,
         of_pictures);
}

}  // namespace

PromptIds prompt_ids(const Checkpoint& checkpoint, const ComposeInput& input) {
  PromptIds prompt;
  const auto& tokens = checkpoint.prompt_tokens;
  const auto& tokenizer = *checkpoint.tokenizer;
  if (input.conditions.empty()) {
    const auto preview = text::preview_grid(input.target);
    prompt.ids = text::text_to_image_prompt(input.prompt, input.target, preview, tokens, tokenizer);
    prompt.generated = {preview};
    if (!input.draft) prompt.generated.push_back(input.target);
  } else {
    for (const auto& condition : input.conditions) prompt.conditions.push_back(condition.grid);
    prompt.ids = text::image_to_image_prompt(
        input.prompt, prompt.conditions, input.target, tokens, tokenizer);
    prompt.generated = {input.target};
  }
  GLM_IMAGE_CHECK(prompt.ids.back() == checkpoint.vision_language.image_start_token_id,
                  "a prompt ends in ",
                  prompt.ids.back(),
                  ", not in START");

  check_context(checkpoint, prompt, input);
  return prompt;
}

std::vector<Composition> compose(const Checkpoint& checkpoint,
                                 const ComposeInput& input,
                                 PromptIds prompt,
                                 RunMonitor& monitor,
                                 Previewer& previewer) {
  monitor.observe("ar.input_ids", torch::tensor(prompt.ids));

  const auto shard = input.share == nullptr ? models::GeneratorShard() : input.share->shard();
  const bool reads_conditions = !input.conditions.empty() && shard.rank == 0;
  GLM_IMAGE_CHECK(input.generator.is_empty() || !reads_conditions, "a generator without vision");
  const auto model =
      input.generator.is_empty()
          ? checkpoint.load_generator(
                reads_conditions, input.adapters, weight_progress(monitor), input.load, shard)
          : input.generator;
  std::vector<TokenGrid> conditions;
  if (reads_conditions) conditions = read_conditions(checkpoint, model, input.conditions, monitor);
  if (input.share != nullptr) share_conditions(conditions, prompt.conditions, *input.share);
  const auto& config = checkpoint.vision_language;
  const auto positions =
      text::prefill_positions(prompt.ids, config.image_token_id, prompt.conditions);
  fill_placeholders(prompt.ids, config.image_token_id, conditions);

  const auto prompt_length = static_cast<int64_t>(prompt.ids.size());
  const int64_t tokens = prompt.generated_tokens();
  const auto written = static_cast<int64_t>(input.preview.tokens.size());
  const int64_t preview_tokens = prompt.generated.size() > 1 ? prompt.generated.front().size() : 0;
  const auto grid_positions = text::decode_positions(positions.next, prompt.generated);
  const auto pictures = static_cast<int64_t>(input.seeds.size());

  monitor.begin(Stage::kImageTokens, (tokens - written) * pictures);
  const int64_t together = std::min(pictures, nn::rows_together(checkpoint.placement().device));
  Decoding decoding(
      model,
      together,
      prompt_length + tokens,
      at::TensorOptions(checkpoint.placement().dtype).device(checkpoint.placement().device),
      input.share);
  auto prompt_logits = decoding.read(prompt.ids, positions);
  monitor.observe("ar.prefill_logits_last", prompt_logits);
  if (written > 0) {
    prompt_logits =
        decoding.read(input.preview.tokens, text::positions_between(grid_positions, 0, written));
  }

  std::vector<Composition> compositions;
  for (int64_t first = 0; first < pictures; first += together) {
    decoding.truncate(prompt_length + written);
    const int64_t sequences = std::min(together, pictures - first);
    std::vector<at::Generator> random;
    for (int64_t s = 0; s < sequences; ++s) random.push_back(make_random(input.seeds[first + s]));
    const auto after_token = [&](int64_t sequence,
                                 const std::vector<int64_t>& drawn,
                                 const Tensor& logits) {
      if (logits.defined()) monitor.observe("ar.decode_logits", logits);
      const auto count = static_cast<int64_t>(drawn.size());
      const int64_t picture = first + sequence;
      monitor.step(first * (tokens - written) + (count - 1) * sequences + sequence + 1, picture);
      if (written == 0 && count == preview_tokens && previewer.wants_draft()) {
        const auto& grid = prompt.generated.front();
        previewer.show_draft(
            {grid.height, grid.width, drawn}, picture, input.seeds[picture], monitor);
      }
    };
    const auto generated =
        decoding.draw(prompt_logits,
                      text::positions_between(grid_positions, written, tokens + 1),
                      config.vq.num_embeddings,
                      input.sampling,
                      std::move(random),
                      after_token);
    for (const auto& of_picture : generated) {
      monitor.observe("ar.generated", torch::tensor(of_picture));
      compositions.push_back(composition_of(input, prompt, of_picture, conditions));
    }
  }
  return compositions;
}

TokenGrid tokens_of(const Checkpoint& checkpoint, const Image& image) {
  const torch::NoGradGuard no_grad;
  check_size(image.width, image.height);
  image::check_image(image);
  const auto grid = text::target_grid(image.height, image.width);
  const auto model = checkpoint.load_vision({}, plan_reading(checkpoint, grid));
  RunMonitor monitor({});
  return read_conditions(checkpoint, model, {{image, grid}}, monitor).front();
}

}  // namespace glm_image::pipeline
