#include "core/random.h"
#include "models/layout.h"
#include "pipeline/compose.h"
#include "text/rotary_positions.h"
#include "train/batch/input_dropout.h"
#include "train/batch/sequence_positions.h"
#include "train/lora/adapter_stage.h"
#include "train/lora/base_adapters.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr DataFeatures::Needs kTokensAlone{/*latents=*/false, /*tokens=*/true};

/// An example as the generator reads it.
struct TokenSequence {
  std::vector<int64_t> prompt, targets;
  text::RotaryPositions prompt_positions, target_positions;
};

void append_tokens(std::vector<int64_t>& list, const Tensor& tokens) {
  const auto flat = tokens.contiguous();
  list.insert(list.end(), flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel());
}

TokenSequence sequence_of(const pipeline::Checkpoint& checkpoint,
                          const DataFeatures& features,
                          int64_t row) {
  const auto picture = features.of_picture(row, kTokensAlone);
  pipeline::ComposeInput input;
  input.prompt = features.data().rows()[row].caption;
  input.target = {picture.tokens.size(0), picture.tokens.size(1)};
  std::vector<int64_t> reference_tokens;
  for (const auto& reference : features.of_references(row, kTokensAlone)) {
    input.conditions.push_back({{}, {reference.tokens.size(0), reference.tokens.size(1)}});
    append_tokens(reference_tokens, reference.tokens);
  }
  auto prompt = pipeline::prompt_ids(checkpoint, input);
  TokenSequence sequence;
  const int64_t placeholder = checkpoint.vision_language.image_token_id;
  sequence.prompt_positions = text::prefill_positions(prompt.ids, placeholder, prompt.conditions);
  sequence.target_positions =
      text::decode_positions(sequence.prompt_positions.next, prompt.generated);
  auto next = reference_tokens.begin();
  for (auto& id : prompt.ids) {
    if (id == placeholder && next != reference_tokens.end()) id = *next++;
  }
  sequence.prompt = std::move(prompt.ids);
  if (input.conditions.empty()) append_tokens(sequence.targets, picture.preview);
  append_tokens(sequence.targets, picture.tokens);
  return sequence;
}

}  // namespace

GeneratorAdapterStage::GeneratorAdapterStage(const pipeline::Checkpoint& checkpoint,
                                             const DataFeatures& features,
                                             const AdapterStageOptions& options)
    : AdapterStage(models::kVisionLanguage, checkpoint, features, options) {
  model_ = checkpoint.load_generator(
      /*with_vision=*/false, base_adapters(checkpoint), {}, options.load);
  adapt(*model_,
        "model.language_model.layers.",
        {".self_attn.q_proj", ".self_attn.k_proj", ".self_attn.v_proj", ".self_attn.o_proj"},
        {".mlp.gate_up_proj", ".mlp.down_proj"});
  const TokenPredictionOptions of_objective{/*taps=*/{}, options_.recompute};
  objective_.emplace(model_, of_objective);
  preservation_.emplace(model_, of_objective);
}

pipeline::LoadedModules GeneratorAdapterStage::loaded() const {
  pipeline::LoadedModules modules;
  modules.generator = model_;
  return modules;
}

Tensor GeneratorAdapterStage::hidden_tokens(const AdapterExamples& examples,
                                            const BatchShare& share,
                                            int64_t batch_index,
                                            int64_t tokens) const {
  auto random = make_random(mix_seed(examples.seed, kAdapterHidingPurpose, batch_index));
  const auto hides = at::rand({share.total()}, random) < options_.input_dropout;
  return share.cut(hidden_codes(hides, tokens, random));
}

Batch GeneratorAdapterStage::make_batch(const AdapterExamples& examples,
                                        const std::vector<int64_t>& rows,
                                        const BatchShare& share,
                                        int64_t batch_index) const {
  std::vector<TokenSequence> sequences;
  int64_t longest = 0;
  for (const int64_t row : rows) {
    sequences.push_back(sequence_of(checkpoint_, examples.features, row));
    longest = std::max(longest, static_cast<int64_t>(sequences.back().prompt.size()));
  }
  const auto count = static_cast<int64_t>(rows.size());
  const auto predicted = static_cast<int64_t>(sequences.front().targets.size());
  // The last target is predicted, not read. What follows it is padding: nothing before sees it.
  const int64_t read = predicted - 1;
  const auto hidden = hidden_tokens(examples, share, batch_index, read);
  auto ids = at::zeros({count, longest + read}, at::kLong);
  auto positions = at::zeros({3, count, longest + read}, at::kLong);
  auto slots = at::empty({count, predicted}, at::kLong);
  auto targets = at::empty({count, predicted}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const auto& sequence = sequences[i];
    const auto length = static_cast<int64_t>(sequence.prompt.size());
    targets[i].copy_(torch::tensor(sequence.targets));
    slots[i].copy_(at::arange(length - 1, length + read, at::kLong));
    ids[i].narrow(0, 0, length).copy_(torch::tensor(sequence.prompt));
    const auto seen = targets[i].narrow(0, 0, read);
    ids[i]
        .narrow(0, length, read)
        .copy_(seen.masked_fill(hidden[i], checkpoint_.vision_language.image_token_id));
    put_positions(
        positions.select(1, i), sequence.prompt_positions, sequence.target_positions, read);
  }
  return {{"ids", ids}, {"positions", positions}, {"slots", slots}, {"targets", targets}};
}

TokenPredictionBatch GeneratorAdapterStage::on_device(const Batch& batch) const {
  const auto moved = [&](const char* name) {
    return batch.at(name).to(checkpoint_.placement().device);
  };
  return {moved("ids"), moved("positions"), moved("slots"), moved("targets")};
}

Outcome GeneratorAdapterStage::learn(const Batch& batch,
                                     const AdapterExamples& /*examples*/,
                                     int64_t /*batch_index*/) {
  const auto tokens = on_device(batch);
  const auto result = objective_->loss(tokens);
  const auto right = result.logits.detach().argmax(-1) == tokens.targets;
  const auto share = own_share(batch, tokens.ids.size(0));
  return {
      share.part_of(result.loss), {{"tokens_right", right.to(at::kFloat).mean()}}, share.weight()};
}

Tensor GeneratorAdapterStage::preserve(const Batch& batch,
                                       const AdapterExamples& /*examples*/,
                                       int64_t /*batch_index*/) {
  const auto tokens = on_device(batch);
  return own_share(batch, tokens.ids.size(0)).part_of(preservation_->loss(tokens));
}

}  // namespace glm_image::train
