#include "nano/training/poster_generator.h"

#include <algorithm>

#include "models/layout.h"
#include "nano/training/token_kinds.h"
#include "train/objectives/vector_quantisation.h"

namespace glm_image::nano {
namespace {

/// Applies `function` to the classes of both grids, [B, preview's and target's tokens].
template <typename Function>
Tensor of_both_grids(const Tensor& kinds,
                     const text::Grid& preview,
                     const text::Grid& target,
                     const Function& function) {
  return at::cat({function(kinds.narrow(1, 0, preview.size()), preview.height, preview.width),
                  function(
                      kinds.narrow(1, preview.size(), target.size()), target.height, target.width)},
                 1)
      .to(at::kFloat);
}

}  // namespace

PosterGenerator::PosterGenerator(const train::TrainingConfig& config,
                                 std::shared_ptr<const PosterTrainingData> data,
                                 const PosterGeneratorKeys& keys,
                                 const std::filesystem::path& vq_components,
                                 const std::filesystem::path& vocabulary,
                                 const at::Device& device,
                                 const train::GeneratorParts& parts)
    : data_(std::move(data)),
      keys_(keys),
      device_(device),
      prompts_(*data_, config.seed, parts.prompt),
      tokenizer_(text::BpeTokenizer::load(vocabulary / models::kProcessor / "tokenizer.json")) {
  const auto fields = config.stage_fields();
  const int64_t layers = parts.config.text.num_hidden_layers;
  if (keys_.scene_layers == 0) keys_.scene_layers = (layers + 1) / 2;
  if (keys_.scene_layers > layers) fields.refuse("scene_layers", concat("at most ", layers));
  if (keys_.position_layers == 0) {
    keys_.position_layers = std::min((layers + 2) / 3, keys_.scene_layers);
  }
  if (keys_.position_layers > keys_.scene_layers) {
    fields.refuse("position_layers", concat("at most scene_layers, ", keys_.scene_layers));
  }
  if (keys_.teacher_codes) {
    scene_codes_.emplace(
        vq_components, parts.codes, data_->source(), device, config.working_type());
  }
  const int64_t hidden = parts.config.text.hidden_size;
  const auto& source = data_->source();
  if (predicts_classes()) {
    to_kinds_ =
        ClassifierHead(hidden, std::vector<int64_t>{count_token_kinds(source)}, parts.options);
  }
  if (predicts_scenes()) scene_reader_ = SceneReader(source, hidden, parts.options);
  if (predicts_positions()) position_reader_ = PositionReader(hidden, parts.options);
  if (counts_letters()) letter_counter_ = LetterCounter(hidden, parts.options);
}

std::vector<train::TrainedModule> PosterGenerator::modules() {
  std::vector<train::TrainedModule> trained;
  if (predicts_classes()) trained.push_back({"to_kinds", to_kinds_.get()});
  if (predicts_scenes()) trained.push_back({"scene_reader", scene_reader_.get()});
  if (predicts_positions()) trained.push_back({"position_reader", position_reader_.get()});
  if (counts_letters()) trained.push_back({"letter_counter", letter_counter_.get()});
  return trained;
}

void PosterGenerator::prepare(int64_t batch_index,
                              const train::GeneratorExamples& examples,
                              train::Batch& batch) {
  const auto& [posters, prompts, preview, target] = examples;
  const auto& source = data_->source();
  const int64_t width = preview.width * text::kTokenSide;
  const int64_t height = preview.height * text::kTokenSide;
  std::vector<Tensor> codes, kinds, weights, answers, letters;
  for (size_t i = 0; i < posters.size(); ++i) {
    const auto& drawn = as_poster(*posters[i]);
    const auto& poster = drawn.poster();
    PosterExample shown{poster.scene, poster.caption, {width, height, {}}, {}};
    shown.layout = drawn.renderer().layout(poster.scene, width, height);
    const auto preview_kinds = token_kinds(source, shown.scene, shown.layout, preview);
    const auto target_kinds = token_kinds(source, poster.scene, poster.layout, target);
    kinds.push_back(at::cat({preview_kinds, target_kinds}));
    weights.push_back(at::cat({change_weights(preview_kinds, preview, keys_.change_weight),
                               change_weights(target_kinds, target, keys_.change_weight)}));
    if (predicts_scenes()) {
      answers.push_back(scene_answers(source, shown.scene, shown.layout, preview));
    }
    if (counts_letters()) {
      letters.push_back(torch::tensor(
          letters_read(*tokenizer_, prompts[i], poster.caption, texts_of(poster.scene))));
    }
    if (!scene_codes_) continue;
    codes.push_back(
        at::cat({scene_codes_->encode(drawn.renderer(), shown, preview_kinds, preview),
                 scene_codes_->encode(drawn.renderer(), poster, target_kinds, target)}));
  }
  batch.emplace("kinds", at::stack(kinds));
  batch.emplace("weights", at::stack(weights));
  if (predicts_scenes()) batch.emplace("answers", at::stack(answers));
  if (counts_letters()) {
    batch.emplace("letters", at::pad_sequence(letters, /*batch_first=*/true, kNoAnswer));
  }
  if (scene_codes_) batch.emplace("codes", at::stack(codes));
  if (keys_.more_prompts > 0 && (predicts_scenes() || counts_letters())) {
    batch.merge(prompts_.make(batch_index,
                              keys_.more_prompts,
                              *tokenizer_,
                              target,
                              as_poster(*posters.front()).renderer()));
  }
}

std::vector<int64_t> PosterGenerator::taps() const {
  std::vector<int64_t> layers;
  if (predicts_positions() || counts_letters()) layers.push_back(keys_.position_layers);
  if (predicts_scenes()) layers.push_back(keys_.scene_layers);
  return layers;
}

train::AuxiliaryLosses PosterGenerator::losses(const train::GeneratorStep& step) {
  train::AuxiliaryLosses losses;
  if (predicts_classes()) add_class_losses(step, losses);
  add_prompt_losses(step, losses);
  if (predicts_positions()) add_position_losses(step, losses);
  return losses;
}

void PosterGenerator::add_class_losses(const train::GeneratorStep& step,
                                       train::AuxiliaryLosses& losses) {
  const auto kinds = step.batch.at("kinds").to(device_);
  // The end marker has no class.
  const auto of_codes = [&](const Tensor& x) { return x.narrow(1, 0, kinds.size(1)); };
  const auto logits = to_kinds_->logits(of_codes(step.states.last)).front();
  const auto classified = classify(logits, kinds.flatten());
  const auto loss =
      train::weighted_mean(classified.losses, of_codes(step.sequences.weights).flatten());
  losses.terms.push_back(keys_.class_weight * loss);

  const auto right = classified.right.view_as(kinds);
  const auto& hides = step.batch.at("hides");
  const auto hiding = hides.nonzero().squeeze(1).to(device_);
  const auto seeing = hides.logical_not().nonzero().squeeze(1).to(device_);
  const auto share_right = [&](const Tensor& tokens, const Tensor& sequences) {
    const auto asked = tokens.index_select(0, sequences);
    return (right.index_select(0, sequences) * asked).sum() / asked.sum();
  };
  const auto changes = of_both_grids(kinds, step.preview, step.target, kind_changes);
  const auto shows_item = (kinds > 0).to(at::kFloat);
  const auto starts = of_both_grids(kinds, step.preview, step.target, kind_starts);
  losses.metrics.insert({{"loss_kinds", loss.detach()},
                         {"item_kinds_right", share_right(shows_item, seeing)},
                         {"hidden_kinds_right", share_right(shows_item, hiding)},
                         {"changes_right", share_right(changes, seeing)},
                         {"starts_right", share_right(starts, seeing)}});
}

PosterGenerator::ReadPrompts PosterGenerator::read_prompts(const train::GeneratorStep& step) const {
  const auto ids = step.batch.at("prompt_ids").to(device_);
  const auto positions = at::arange(ids.size(1), ids.options()).expand({3, ids.size(0), -1});
  const auto& language = step.model->language_model;
  const auto placed = language->through_layers(
      language->embed(ids), positions, /*cache=*/nullptr, 0, keys_.position_layers);
  if (!predicts_scenes()) return {placed, {}};
  const auto read = language->through_layers(
      placed, positions, /*cache=*/nullptr, keys_.position_layers, keys_.scene_layers);
  return {placed, prompt_ends(read, step.batch.at("prompt_ends").to(device_))};
}

void PosterGenerator::add_prompt_losses(const train::GeneratorStep& step,
                                        train::AuxiliaryLosses& losses) {
  ReadPrompts more;
  if (step.batch.count("prompt_ids") > 0) more = read_prompts(step);
  if (predicts_scenes()) {
    // The scene, predicted from the last tokens of the prompt.
    auto ends =
        prompt_ends(step.states.after.at(keys_.scene_layers), step.sequences.slots.select(1, 0));
    auto answers = step.batch.at("answers").to(device_);
    if (more.ends.defined()) {
      ends = at::cat({ends, more.ends});
      answers = at::cat({answers, step.batch.at("prompt_answers").to(device_)});
    }
    const auto scene = scene_reader_->forward(ends, answers);
    losses.terms.push_back(keys_.scene_weight * scene.loss);
    losses.metrics.insert({{"loss_scene", scene.loss.detach()},
                           {"scene_right", scene.kinds_right},
                           {"edges_right", scene.edges_right}});
  }
  if (!counts_letters()) return;
  auto letters = step.batch.at("letters").to(device_);
  auto in_prompts =
      step.states.after.at(keys_.position_layers).narrow(1, 0, letters.size(1)).flatten(0, 1);
  letters = letters.flatten();
  if (more.placed.defined()) {
    in_prompts = at::cat({in_prompts, more.placed.flatten(0, 1)});
    letters = at::cat({letters, step.batch.at("prompt_letters").to(device_).flatten()});
  }
  const auto counted = letter_counter_->forward(in_prompts, letters);
  losses.terms.push_back(keys_.counting_weight * counted.loss());
  losses.metrics["letters_counted"] = counted.accuracy();
}

void PosterGenerator::add_position_losses(const train::GeneratorStep& step,
                                          train::AuxiliaryLosses& losses) {
  const auto states =
      train::at_slots(step.states.after.at(keys_.position_layers), step.sequences.slots);
  const auto places = position_reader_->forward(states.narrow(1, 0, step.codes.size(1)),
                                                {step.preview, step.target});
  losses.terms.push_back(keys_.position_weight * places.loss);
  losses.metrics.insert({{"loss_position", places.loss.detach()},
                         {"rows_right", places.rows_right},
                         {"columns_right", places.columns_right}});
}

}  // namespace glm_image::nano
