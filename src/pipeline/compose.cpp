#include "pipeline/compose.h"

#include "core/error.h"
#include "core/random.h"
#include "image/image_limits.h"
#include "pipeline/decoding.h"
#include "pipeline/request_check.h"
#include "pipeline/weight_progress.h"
#include "text/rotary_positions.h"

namespace glm_image::pipeline {
namespace {

/// VQ ids of the condition pictures.
std::vector<TokenGrid> read_conditions(const Checkpoint& checkpoint,
                                       const models::GlmImageForConditionalGeneration& model,
                                       const std::vector<ConditionPicture>& conditions,
                                       RunMonitor& monitor) {
  std::vector<TokenGrid> grids;
  if (conditions.empty()) return grids;
  monitor.begin(Stage::kReadingPictures, static_cast<int64_t>(conditions.size()));
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
    monitor.step(static_cast<int64_t>(grids.size()));
  }
  return grids;
}

/// Replaces every placeholder by the next of the condition pictures' ids.
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

PromptIds prompt_ids(const Checkpoint& checkpoint, const ComposeInput& input) {
  PromptIds prompt;
  const auto& tokens = checkpoint.prompt_tokens;
  const auto& tokenizer = *checkpoint.tokenizer;
  if (input.conditions.empty()) {
    const auto preview = text::preview_grid(input.target);
    prompt.ids = text::text_to_image_prompt(input.prompt, input.target, preview, tokens, tokenizer);
    prompt.generated = {preview, input.target};
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

  const int64_t context = checkpoint.vision_language.text.max_position_embeddings;
  const auto read = static_cast<int64_t>(prompt.ids.size());
  if (read + prompt.generated_tokens() > context) {
    int64_t conditions = 0;
    for (const auto& grid : prompt.conditions) conditions += grid.size();
    const auto pictures = prompt.conditions.size();
    fail(ErrorCode::kInvalidInput,
         "the prompt is too long",
         pictures == 0 ? "" : concat(" for ", pictures, " pictures to start from"),
         ": its ",
         read - conditions,
         pictures == 0 ? " tokens" : concat(" tokens, at least ", conditions, " of these pictures"),
         " and the new picture's ",
         prompt.generated_tokens(),
         " do not fit the model's context of ",
         context);
  }
  return prompt;
}

std::vector<Composition> compose(const Checkpoint& checkpoint,
                                 const ComposeInput& input,
                                 PromptIds prompt,
                                 RunMonitor& monitor,
                                 Previewer& previewer) {
  monitor.observe("ar.input_ids", torch::tensor(prompt.ids));

  const bool with_vision = !input.conditions.empty();
  const auto model = checkpoint.load_generator(with_vision, weight_progress(monitor));
  const auto conditions = read_conditions(checkpoint, model, input.conditions, monitor);
  const auto& config = checkpoint.vision_language;
  const auto positions =
      text::prefill_positions(prompt.ids, config.image_token_id, prompt.conditions);
  fill_placeholders(prompt.ids, config.image_token_id, conditions);

  const auto prompt_length = static_cast<int64_t>(prompt.ids.size());
  const int64_t tokens = prompt.generated_tokens();
  const int64_t preview_tokens = tokens - prompt.generated.back().size();
  const auto grid_positions = text::decode_positions(positions.next, prompt.generated);
  const auto pictures = static_cast<int64_t>(input.seeds.size());

  monitor.begin(Stage::kImageTokens, tokens * pictures);
  Decoding decoding(
      model,
      prompt_length + tokens,
      at::TensorOptions(checkpoint.placement().dtype).device(checkpoint.placement().device));
  const auto prompt_logits = decoding.read(prompt.ids, positions);
  monitor.observe("ar.prefill_logits_last", prompt_logits);

  std::vector<Composition> compositions;
  for (int64_t picture = 0; picture < pictures; ++picture) {
    decoding.truncate(prompt_length);
    auto random = make_random(input.seeds[picture]);
    const auto after_token = [&](const std::vector<int64_t>& drawn, const Tensor& logits) {
      if (logits.defined()) monitor.observe("ar.decode_logits", logits);
      const auto count = static_cast<int64_t>(drawn.size());
      monitor.step(picture * tokens + count, picture);
      if (count == preview_tokens && previewer.wants_draft()) {
        const auto& grid = prompt.generated.front();
        previewer.show_draft(
            {grid.height, grid.width, drawn}, picture, input.seeds[picture], monitor);
      }
    };
    const auto generated = decoding.draw(prompt_logits,
                                         grid_positions,
                                         config.vq.num_embeddings,
                                         input.sampling,
                                         random,
                                         after_token);
    monitor.observe("ar.generated", torch::tensor(generated));
    const auto& target = input.target;
    compositions.push_back(
        {{target.height, target.width, {generated.end() - target.size(), generated.end()}},
         conditions});
  }
  return compositions;
}

TokenGrid tokens_of(const Checkpoint& checkpoint, const Image& image) {
  const torch::NoGradGuard no_grad;
  check_size(image.width, image.height);
  image::check_image(image);
  const auto model = checkpoint.load_generator(/*with_vision=*/true, {});
  RunMonitor monitor({});
  return read_conditions(
             checkpoint, model, {{image, text::target_grid(image.height, image.width)}}, monitor)
      .front();
}

}  // namespace glm_image::pipeline
