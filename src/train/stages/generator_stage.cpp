#include "train/stages/generator_stage.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "glm_image/limits.h"
#include "image/contact_sheet.h"
#include "models/layout.h"
#include "pipeline/decoding.h"
#include "train/batch/input_dropout.h"
#include "train/batch/picture_batch.h"
#include "train/batch/sequence_positions.h"
#include "train/seeds.h"
#include "train/stages/code_means.h"
#include "train/stages/reduced_tokens.h"
#include "train/stages/sample_rows.h"
#include "train/weights/component_files.h"
#include "train/weights/initialise.h"

namespace glm_image::train {
namespace {

/// The two grids of a batch.
struct Grids {
  text::Grid preview, target;

  explicit Grids(const Batch& batch) {
    const auto& sides = batch.at("grids");
    const auto side = [&](int64_t i) { return sides[i].item<int64_t>(); };
    preview = {side(0), side(1)};
    target = {side(2), side(3)};
  }
};

PictureSize size_of(const text::Grid& grid) {
  return {grid.width * text::kTokenSide, grid.height * text::kTokenSide};
}

}  // namespace

GeneratorStage::GeneratorStage(const TrainingConfig& config,
                               const at::Device& device,
                               std::shared_ptr<const TrainingData> data,
                               const GeneratorAuxiliaryMaker& make_auxiliary)
    : CodesStage(config, device, std::move(data)), keys_(config.read_stage<GeneratorKeys>()) {
  for (const auto& size : data_->sizes()) {
    const auto preview = text::preview_grid(text::target_grid(size.height, size.width));
    if (std::max(preview.height, preview.width) * text::kTokenSide > limits::kMaxSide) {
      config.fields.refuse("sizes",
                           "sizes whose longer side is at most 64 times the shorter one in this "
                           "stage, since previews are larger");
    }
  }
  vision_language_ = models::VisionLanguageConfig::from_json(
      io::JsonFields::load(config.model / models::kVisionLanguage / "config.json"));
  sampling_ = models::SamplingOptions::from_json(
      io::JsonFields::load(config.model / models::kVisionLanguage / "generation_config.json"));
  tokenizer_ = text::BpeTokenizer::load(config.in_run(keys_.vocabulary) / models::kProcessor /
                                        "tokenizer.json");
  prompt_tokens_ =
      text::load_prompt_tokens(config.model / models::kProcessor / "tokenizer_config.json",
                               {vision_language_.image_token_id,
                                vision_language_.image_start_token_id,
                                vision_language_.image_end_token_id},
                               *tokenizer_);
  load_codes(keys_.vq);
  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  model_ = models::GlmImageForConditionalGeneration(vision_language_, options);
  load_tokenizer_half(config.in_run(keys_.vq) / models::kVisionLanguage,
                      model_->visual,
                      model_->vqmodel,
                      device,
                      config.working_type());
  TokenPredictionOptions of_objective;
  if (make_auxiliary) {
    auxiliary_ = make_auxiliary({vision_language_,
                                 *codes_,
                                 options,
                                 [this](const std::string& caption, const text::Grid& target) {
                                   return prompt_of(caption, target);
                                 }});
    of_objective.taps = auxiliary_->taps();
  }
  objective_.emplace(model_, of_objective);
}

std::vector<TrainedModule> GeneratorStage::own_modules() {
  std::vector<TrainedModule> trained{{"generator", model_.get(), {}, models::kVisionLanguage}};
  trained.front().frozen =
      tokenizer_half(model_->visual, model_->vqmodel)->named_parameters().keys();
  return trained;
}

void GeneratorStage::initialise_own(const std::string& name,
                                    Tensor& weight,
                                    at::Generator& random) {
  initialise_weight(name, weight, random);
  // These norms scale each sublayer's output to unit size times their gain. With gains of
  // 1/√(2·layers), all 2·layers outputs together are about as large as the token embeddings.
  if (name.find("post_self_attn_layernorm") != std::string::npos ||
      name.find("post_mlp_layernorm") != std::string::npos) {
    weight.fill_(1 / std::sqrt(2.0 * vision_language_.text.num_hidden_layers));
  }
}

std::vector<int64_t> GeneratorStage::prompt_of(const std::string& caption,
                                               const text::Grid& target) const {
  return text::text_to_image_prompt(
      caption, target, text::preview_grid(target), prompt_tokens_, *tokenizer_);
}

Batch GeneratorStage::make_batch(int64_t batch_index, ExampleReader& reader) const {
  auto examples = reader.batch(batch_index);
  const auto total = static_cast<int64_t>(examples.size());
  const auto share = keep_own(examples);
  const auto& size = examples.front()->size;
  const auto target = text::target_grid(size.height, size.width);
  const auto preview = text::preview_grid(target);
  std::vector<std::vector<int64_t>> prompts;
  prompts.reserve(examples.size());
  for (const auto& example : examples) prompts.push_back(prompt_of(example->caption, target));

  auto random =
      make_random(mix_seed(config_.seed, kHidingPurpose, static_cast<uint64_t>(batch_index)));
  const auto hides = choose_hiding(hiding_sequences(total), total, random);
  Batch batch{
      {"hides", hides},  // of all rows
      {"hidden_codes", share.cut(hidden_codes(hides, preview.size() + target.size(), random))},
      {"grids", torch::tensor({preview.height, preview.width, target.height, target.width})}};
  keep_total(share, batch);
  add_sequences(prompts, preview, target, batch);
  if (!auxiliary_ || !auxiliary_->gives_codes()) {
    std::vector<Image> previews, targets;
    for (const auto& example : examples) {
      previews.push_back(example->picture(size_of(preview)));
      targets.push_back(example->picture(size));
    }
    batch.emplace("preview_patches", codes_->patches(previews));
    batch.emplace("target_patches", codes_->patches(targets));
  }
  if (auxiliary_) auxiliary_->prepare(batch_index, {examples, prompts, preview, target}, batch);
  return batch;
}

void GeneratorStage::add_sequences(const std::vector<std::vector<int64_t>>& prompts,
                                   const text::Grid& preview,
                                   const text::Grid& target,
                                   Batch& batch) const {
  const auto count = static_cast<int64_t>(prompts.size());
  const int64_t drawn = preview.size() + target.size();
  int64_t longest = 0;
  for (const auto& prompt : prompts) {
    longest = std::max(longest, static_cast<int64_t>(prompt.size()));
  }
  // Padding follows the last code. Causal attention keeps it from affecting earlier tokens.
  auto ids = at::zeros({count, longest + drawn}, at::kLong);
  auto positions = at::zeros({3, count, longest + drawn}, at::kLong);
  auto code_slots = at::empty({count, drawn}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const auto& prompt = prompts[i];
    const auto length = static_cast<int64_t>(prompt.size());
    const auto of_prompt = text::prefill_positions(prompt, vision_language_.image_token_id, {});
    const auto of_codes = text::decode_positions(of_prompt.next, {preview, target});
    ids[i].narrow(0, 0, length).copy_(torch::tensor(prompt));
    code_slots[i].copy_(at::arange(length, length + drawn, at::kLong));
    put_positions(positions.select(1, i), of_prompt, of_codes, drawn);
  }
  batch.emplace("ids", ids);
  batch.emplace("positions", positions);
  batch.emplace("code_slots", code_slots);
}

int64_t GeneratorStage::hiding_sequences(int64_t sequences) const {
  const int64_t hiding = std::llround(keys_.input_dropout * static_cast<double>(sequences));
  return std::min(hiding, sequences - 1);  // at least one sequence keeps its codes
}

Tensor GeneratorStage::codes_of(const Batch& batch) const {
  if (batch.count("codes") > 0) return batch.at("codes").to(device_);
  const Grids grids(batch);
  return at::cat(
      {codes_->encode(batch.at("preview_patches"), grids.preview.height, grids.preview.width),
       codes_->encode(batch.at("target_patches"), grids.target.height, grids.target.width)},
      1);
}

Outcome GeneratorStage::forward(const Batch& batch, int64_t /*batch_index*/) {
  const Grids grids(batch);
  const auto codes = codes_of(batch);
  const auto slots = batch.at("code_slots").to(device_);
  const auto shown_codes =
      codes.masked_fill(batch.at("hidden_codes").to(device_), vision_language_.image_token_id);
  // Each code is predicted at the token before it, and the end marker at the last code.
  const auto predicted_at = at::cat({slots.narrow(1, 0, 1) - 1, slots}, 1);
  const auto ends = at::full_like(codes.narrow(1, 0, 1), vision_language_.image_end_token_id);
  TokenPredictionBatch sequences{batch.at("ids").to(device_).scatter(1, slots, shown_codes),
                                 batch.at("positions").to(device_),
                                 predicted_at,
                                 at::cat({codes, ends}, 1)};
  if (batch.count("weights") > 0) {
    const auto weights = batch.at("weights").to(device_);
    sequences.weights = at::cat({weights, at::ones_like(weights.narrow(1, 0, 1))}, 1);
  }
  const auto states = objective_->hidden_states(sequences);
  AuxiliaryLosses losses;
  if (auxiliary_) {
    losses =
        auxiliary_->losses({model_, batch, sequences, states, codes, grids.preview, grids.target});
  }
  const auto prediction = objective_->loss(sequences, states);

  // Metrics of codes cover only sequences without hidden codes.
  const auto seeing = batch.at("hides").logical_not().nonzero().squeeze(1).to(device_);
  const auto share = own_share(batch, codes.size(0));
  const auto seen = share.all_rows(prediction.losses).index_select(0, seeing);
  const auto right =
      share.all_rows((prediction.logits.detach().argmax(2) == sequences.targets).to(at::kFloat))
          .index_select(0, seeing);
  const int64_t preview = grids.preview.size(), target = grids.target.size();
  // Each sequence has the same weight in the loss.
  Outcome outcome{share.part_of(prediction.loss),
                  {{"loss_codes", seen.mean()},
                   {"loss_first", seen.select(1, 0).mean()},
                   {"loss_preview", seen.narrow(1, 0, preview).mean()},
                   {"loss_target", seen.narrow(1, preview, target).mean()},
                   {"preview_right", right.narrow(1, 0, preview).mean()},
                   {"target_right", right.narrow(1, preview, target).mean()}},
                  share.weight()};
  outcome.add(losses.terms, losses.metrics);
  return outcome;
}

Tensor GeneratorStage::code_pictures(ExampleReader& reader) const {
  constexpr int64_t kExamples = 64, kSide = 512;
  constexpr int64_t kReduction = text::kTokenSide / kReducedPatch;
  const PictureSize size{kSide, kSide};
  const auto reduced = [](TrainingExample& /*example*/, const Image& picture) {
    return at::avg_pool2d(picture_batch({picture}), {kReduction, kReduction});
  };
  return mean_under_codes(reader, *codes_, reduced, kExamples, &size);
}

std::vector<int64_t> GeneratorStage::sample(const std::string& caption,
                                            uint64_t seed,
                                            const text::Grid& target) {
  const auto prompt = prompt_of(caption, target);
  const auto positions = text::prefill_positions(prompt, vision_language_.image_token_id, {});
  const auto grids = text::decode_positions(positions.next, {text::preview_grid(target), target});
  pipeline::Decoding decoding(model_,
                              /*sequences=*/1,
                              static_cast<int64_t>(prompt.size() + grids.temporal.size()),
                              at::TensorOptions().dtype(config_.working_type()).device(device_));
  const auto logits = decoding.read(prompt, positions);
  return decoding.draw(logits, grids, codes_->codes(), sampling_, {make_random(seed)}, {}).front();
}

Image GeneratorStage::sample_sheet() {
  const auto reader = data_->reader();
  const auto pictures = code_pictures(*reader);
  const auto show = [&](const Tensor& codes, const text::Grid& grid) {
    return picture_of_reduced(pictures.index_select(0, codes), grid);
  };
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(data_->sizes(), /*pictures=*/6)) {
    const auto target = text::target_grid(row.height, row.width);
    const auto preview = text::preview_grid(target);
    std::vector<Image> originals, encoded, previews, drawn;
    for (int64_t position = row.first; position < row.first + row.pictures; ++position) {
      const PictureSize size{row.width, row.height};
      const auto example = reader->sample(position, size);
      originals.push_back(example->picture(size));
      const auto patches = codes_->patches(originals.back()).unsqueeze(0);
      const auto codes = codes_->encode(patches, target.height, target.width).flatten();
      encoded.push_back(show(codes.to(at::kCPU), target));
      const auto tokens =
          torch::tensor(sample(example->caption, static_cast<uint64_t>(position), target));
      previews.push_back(show(tokens.narrow(0, 0, preview.size()), preview));
      drawn.push_back(show(tokens.narrow(0, preview.size(), target.size()), target));
    }
    for (auto* pictures_of_row : {&originals, &encoded, &previews, &drawn}) {
      rows.push_back(std::move(*pictures_of_row));
    }
  }
  return image::contact_sheet(rows);
}

void GeneratorStage::write_components(const std::filesystem::path& folder) {
  const auto source = config_.model / models::kVisionLanguage;
  copy_text_file(source / "generation_config.json", folder / models::kVisionLanguage);
  write_component(folder / models::kVisionLanguage,
                  io::read_json_file(source / "config.json"),
                  *model_,
                  models::kTransformersWeights);
}

}  // namespace glm_image::train
