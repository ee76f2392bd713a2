#include "train/generator_stage.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "image/contact_sheet.h"
#include "pipeline/decoding.h"
#include "text/rotary_positions.h"
#include "train/code_latents.h"
#include "train/component_files.h"
#include "train/hidden_codes.h"
#include "train/initialise.h"
#include "train/picture_batch.h"
#include "train/sample_rows.h"
#include "train/scene_questions.h"
#include "train/seeds.h"
#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

constexpr const char* kComponent = "vision_language_encoder";
constexpr uint64_t kHidingPurpose = 501;

}  // namespace

GeneratorStage::GeneratorStage(const TrainingConfig& config, const at::Device& device)
    : PosterStage(config, device) {
  const auto fields = config.fields.required_object("generator");
  kind_weight_ = fields.optional_double("kind_weight", 0.5, 0, 1e3);
  change_weight_ = fields.optional_double("change_weight", 1, 0, 1e3);
  scene_weight_ = fields.optional_double("scene_weight", 0.5, 0, 1e3);
  first_weight_ = fields.optional_double("first_weight", 1, 0, 1e3);
  position_weight_ = fields.optional_double("position_weight", 0.2, 0, 1e3);
  counting_weight_ = fields.optional_double("counting_weight", 0.2, 0, 1e3);
  decision_weight_ = fields.optional_double("decision_weight", 0, 0, 1e3);
  turn_weight_ = fields.optional_double("turn_weight", 0, 0, 1e3);
  hidden_share_ = fields.optional_double("hidden_share", 0, 0, 0.9);
  more_prompts_ = fields.optional_int64("more_prompts", 0, 0, 4096);
  for (const auto& size : config.sizes) {
    const auto preview = text::preview_grid(text::target_grid(size.height, size.width));
    if (std::max(preview.height, preview.width) * text::kPixelsPerToken > posters::kMaxSide) {
      config.fields.refuse("sizes",
                           "sizes whose sides are at most 64 times as long as each other in this "
                           "stage, since previews are longer");
    }
  }
  vision_language_ = models::VisionLanguageConfig::from_json(
      io::JsonFields::load(config.model / kComponent / "config.json"));
  const int64_t layers = vision_language_.text.num_hidden_layers;
  scene_layers_ = fields.optional_int64("scene_layers", (layers + 1) / 2, 1, layers);
  position_layers_ = fields.optional_int64(
      "position_layers", std::min((layers + 2) / 3, scene_layers_), 1, scene_layers_);
  sampling_ = models::SamplingOptions::from_json(
      io::JsonFields::load(config.model / kComponent / "generation_config.json"));
  prompts_.emplace(config, feed_.source());
  const auto tokenizer_component = config.folder("tokenizer") / kComponent;
  codes_.emplace(tokenizer_component,
                 pipeline::ImageSettings::load(config.model / "processor"),
                 device,
                 config.working_type());
  if (fields.optional_bool("scene_codes", false)) {
    scene_codes_.emplace(
        config.folder("tokenizer"), *codes_, feed_.source(), device, config.working_type());
  }
  model_ = models::GlmImageForConditionalGeneration(
      vision_language_, at::TensorOptions().dtype(config.working_type()).device(device));
  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  const int64_t hidden = vision_language_.text.hidden_size;
  to_kinds_ = nn::Linear(hidden, count_token_kinds(feed_.source()), options);
  scene_reader_ = SceneReader(feed_.source(), hidden, options);
  position_reader_ = PositionReader(hidden, options);
  letter_counter_ = LetterCounter(hidden, options);
  load_tokenizer_half(
      tokenizer_component, model_->visual, model_->vqmodel, device, config.working_type());
}

std::vector<TrainedModule> GeneratorStage::modules() {
  TrainedModule trained{"generator", model_.get(), {}, kComponent};
  trained.left_out = tokenizer_half(model_->visual, model_->vqmodel)->named_parameters().keys();
  return {trained,
          {"to_kinds", to_kinds_.get()},
          {"scene_reader", scene_reader_.get()},
          {"position_reader", position_reader_.get()},
          {"letter_counter", letter_counter_.get()}};
}

void GeneratorStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
  // What a layer adds is normed to 1 in size before it is added. Tokens begin as large as that, and
  // all layers together add as much again.
  if (name.find("post_self_attn_layernorm") != std::string::npos ||
      name.find("post_mlp_layernorm") != std::string::npos) {
    weight.fill_(1 / std::sqrt(2.0 * vision_language_.text.num_hidden_layers));
  }
}

Tensor GeneratorStage::patches_of(const std::vector<Image>& images) const {
  std::vector<Tensor> patches;
  patches.reserve(images.size());
  for (const auto& image : images) patches.push_back(codes_->patches(image));
  return at::stack(patches);
}

Batch GeneratorStage::make_batch(int64_t step, PosterFeed& feed) const {
  const auto& size = config_.size_at(step);
  const auto target = text::target_grid(size.height, size.width);
  const auto preview = text::preview_grid(target);
  const int64_t drawn = preview.size() + target.size();

  std::vector<Image> targets, previews;
  std::vector<Tensor> codes, kinds, answers;
  std::vector<Sequence> sequences;
  int64_t longest = 0;
  for (int64_t i = 0; i < config_.batch; ++i) {
    const auto example = feed.laid_out(config_.example_at(step, i), size.width, size.height);
    const int64_t preview_width = preview.width * text::kPixelsPerToken;
    const int64_t preview_height = preview.height * text::kPixelsPerToken;
    auto& renderer = feed.renderer();
    PosterExample shown{example.scene, example.caption, {preview_width, preview_height, {}}, {}};
    shown.layout = renderer.layout(example.scene, preview_width, preview_height);
    const auto preview_kinds = token_kinds(feed_.source(), shown.scene, shown.layout, preview);
    const auto target_kinds = token_kinds(feed_.source(), example.scene, example.layout, target);
    kinds.push_back(at::cat({preview_kinds, target_kinds}));
    answers.push_back(scene_answers(feed_.source(), shown.scene, shown.layout, preview));
    if (scene_codes_) {
      codes.push_back(at::cat({scene_codes_->encode(renderer, shown, preview_kinds, preview),
                               scene_codes_->encode(renderer, example, target_kinds, target)}));
    } else {
      previews.push_back(renderer.render(example.scene, preview_width, preview_height));
      targets.push_back(renderer.render(example.scene, size.width, size.height));
    }
    Sequence sequence;
    sequence.prompt = prompts_->prompt_of(example.scene, example.caption, target);
    sequence.prompt_positions =
        text::prefill_positions(sequence.prompt.ids, vision_language_.image_token_id, {});
    sequence.drawn_positions =
        text::decode_positions(sequence.prompt_positions.next, {preview, target});
    longest = std::max(longest, static_cast<int64_t>(sequence.prompt.ids.size()));
    sequences.push_back(std::move(sequence));
  }

  auto random = make_random(mix_seed(config_.seed, kHidingPurpose, static_cast<uint64_t>(step)));
  const auto hides = choose_hiding(hiding_sequences(), config_.batch, random);
  // What follows the last code is padding: nothing before it sees it.
  auto ids = at::zeros({config_.batch, longest + drawn}, at::kLong);
  auto letters = at::full({config_.batch, longest}, kNoAnswer, at::kLong);
  auto positions = at::zeros({3, config_.batch, longest + drawn}, at::kLong);
  auto code_slots = at::empty({config_.batch, drawn}, at::kLong);
  for (int64_t i = 0; i < config_.batch; ++i) {
    const auto& sequence = sequences[i];
    const auto length = static_cast<int64_t>(sequence.prompt.ids.size());
    ids[i].narrow(0, 0, length).copy_(torch::tensor(sequence.prompt.ids));
    letters[i].narrow(0, 0, length).copy_(torch::tensor(sequence.prompt.letters));
    code_slots[i].copy_(at::arange(length, length + drawn, at::kLong));
    const auto put = [&](int64_t axis,
                         const std::vector<int64_t>& of_prompt,
                         const std::vector<int64_t>& of_codes) {
      auto row = positions[axis][i];
      row.narrow(0, 0, length).copy_(torch::tensor(of_prompt));
      row.narrow(0, length, drawn).copy_(torch::tensor(of_codes).narrow(0, 0, drawn));
    };
    put(0, sequence.prompt_positions.temporal, sequence.drawn_positions.temporal);
    put(1, sequence.prompt_positions.height, sequence.drawn_positions.height);
    put(2, sequence.prompt_positions.width, sequence.drawn_positions.width);
  }
  Batch batch{
      {"ids", ids},
      {"letters", letters},
      {"positions", positions},
      {"code_slots", code_slots},
      {"hides", hides},
      {"hidden_codes", hidden_codes(hides, drawn, random)},
      {"kinds", at::stack(kinds)},
      {"answers", at::stack(answers)},
      {"grids", torch::tensor({preview.height, preview.width, target.height, target.width})}};
  if (scene_codes_) {
    batch.emplace("codes", at::stack(codes));
  } else {
    batch.emplace("preview_patches", patches_of(previews));
    batch.emplace("target_patches", patches_of(targets));
  }
  if (more_prompts_ > 0) batch.merge(prompts_->alone(step, more_prompts_, target, feed.renderer()));
  return batch;
}

int64_t GeneratorStage::hiding_sequences() const {
  const int64_t hiding = std::llround(hidden_share_ * static_cast<double>(config_.batch));
  return std::min(hiding, config_.batch - 1);  // one sequence at least sees its codes
}

GeneratorStage::ReadPrompts GeneratorStage::read_prompts_alone(const Batch& batch) const {
  const auto ids = batch.at("prompt_ids").to(device_);
  const auto positions = at::arange(ids.size(1), ids.options()).expand({3, ids.size(0), -1});
  const auto& language = model_->language_model;
  const auto placed = language->through_layers(
      language->embed(ids), positions, /*cache=*/nullptr, 0, position_layers_);
  const auto read = language->through_layers(
      placed, positions, /*cache=*/nullptr, position_layers_, scene_layers_);
  return {placed, prompt_ends(read, batch.at("prompt_ends").to(device_))};
}

Tensor GeneratorStage::codes_of(const Batch& batch) const {
  if (scene_codes_) return batch.at("codes").to(device_);
  const auto grid = [&](int64_t i) { return batch.at("grids")[i].item<int64_t>(); };
  return at::cat({codes_->encode(batch.at("preview_patches"), grid(0), grid(1)),
                  codes_->encode(batch.at("target_patches"), grid(2), grid(3))},
                 1);
}

Outcome GeneratorStage::forward(const Batch& batch, int64_t /*step*/) {
  const auto grid = [&](int64_t i) { return batch.at("grids")[i].item<int64_t>(); };
  const auto codes = codes_of(batch);
  const auto slots = batch.at("code_slots").to(device_);
  const auto shown_codes =
      codes.masked_fill(batch.at("hidden_codes").to(device_), vision_language_.image_token_id);
  const auto ids = batch.at("ids").to(device_).scatter(1, slots, shown_codes);
  const auto positions = batch.at("positions").to(device_);
  const auto& language = model_->language_model;
  const auto through = [&](const Tensor& x, int64_t first, int64_t end) {
    return language->through_layers(x, positions, /*cache=*/nullptr, first, end);
  };
  const auto placed = through(language->embed(ids), 0, position_layers_);
  const auto halfway = through(placed, position_layers_, scene_layers_);
  const auto hidden =
      language->normed(through(halfway, scene_layers_, vision_language_.text.num_hidden_layers));

  // Every code is predicted where the one before it is read; the end marker behind the last.
  const auto readers = at::cat({slots.narrow(1, 0, 1) - 1, slots}, 1);
  const auto at_readers = [&](const Tensor& x) {
    return x.gather(1, readers.unsqueeze(2).expand({-1, -1, x.size(2)}));
  };
  const auto read = at_readers(hidden);
  const auto logits = model_->logits(read);
  const auto ends = at::full_like(codes.narrow(1, 0, 1), vision_language_.image_end_token_id);
  const auto wanted = at::cat({codes, ends}, 1);
  const auto losses = at::cross_entropy_loss(logits.flatten(0, 1),
                                             wanted.flatten(),
                                             /*weight=*/{},
                                             at::Reduction::None)
                          .view_as(wanted);

  const int64_t preview = grid(0) * grid(1), target = grid(2) * grid(3);
  const auto kinds = batch.at("kinds").to(device_);
  const auto of_both_grids = [&](const auto& function) {
    return at::cat({function(kinds.narrow(1, 0, preview), grid(0), grid(1)),
                    function(kinds.narrow(1, preview, target), grid(2), grid(3))},
                   1)
        .to(at::kFloat);
  };
  const auto changes = of_both_grids(kind_changes);
  // Behind the last code nothing stands any more.
  const auto kind_logits =
      to_kinds_->forward(read.narrow(1, 0, codes.size(1))).to(at::kFloat).flatten(0, 1);
  const auto kind_losses =
      at::cross_entropy_loss(kind_logits, kinds.flatten(), /*weight=*/{}, at::Reduction::None)
          .view_as(kinds);
  const auto kind_weights = 1 + (change_weight_ - 1) * changes;
  const auto kind_loss = (kind_losses * kind_weights).sum() / kind_weights.sum();
  const auto kind_right = (kind_logits.detach().argmax(1).view_as(kinds) == kinds).to(at::kFloat);

  const auto places = position_reader_->forward(at_readers(placed).narrow(1, 0, codes.size(1)),
                                                {{grid(0), grid(1)}, {grid(2), grid(3)}});

  // The whole scene, read where the prompt ends.
  auto ends_of_prompts = prompt_ends(halfway, readers.select(1, 0));
  auto answers = batch.at("answers").to(device_);
  auto letters = batch.at("letters").to(device_);
  auto in_prompts = placed.narrow(1, 0, letters.size(1)).flatten(0, 1);
  letters = letters.flatten();
  if (more_prompts_ > 0) {
    const auto alone = read_prompts_alone(batch);
    ends_of_prompts = at::cat({ends_of_prompts, alone.ends});
    answers = at::cat({answers, batch.at("prompt_answers").to(device_)});
    in_prompts = at::cat({in_prompts, alone.placed.flatten(0, 1)});
    letters = at::cat({letters, batch.at("prompt_letters").to(device_).flatten()});
  }
  const auto scene = scene_reader_->forward(ends_of_prompts, answers);
  const auto counted = letter_counter_->forward(in_prompts, letters);

  const auto doubt = 1 - std::get<0>(at::softmax(kind_logits.detach(), 1).max(1));
  auto weights = at::ones_like(losses);
  weights.narrow(1, 0, codes.size(1)).add_(doubt.view_as(kinds), decision_weight_);
  // Where a gradient's next code begins: copies of the code before would leave the ground flat.
  const auto before = [](const Tensor& x) { return x.narrow(1, 0, x.size(1) - 1); };
  const auto after = [](const Tensor& x) { return x.narrow(1, 1, x.size(1) - 1); };
  const auto turns =
      (after(codes) != before(codes)).logical_and(at::maximum(after(kinds), before(kinds)) == 0);
  weights.narrow(1, 1, codes.size(1) - 1).add_(turns.to(at::kFloat), turn_weight_);
  for (const int64_t first : {int64_t{0}, preview}) weights.select(1, first).fill_(first_weight_);
  const auto code_loss = ((losses * weights).sum(1) / weights.sum(1)).mean();

  // Metrics of codes are those of sequences that see all of them.
  const auto& hides = batch.at("hides");
  const auto hiding = hides.nonzero().squeeze(1).to(device_);
  const auto seeing = hides.logical_not().nonzero().squeeze(1).to(device_);
  const auto seen = losses.detach().index_select(0, seeing);
  const auto right = (logits.detach().argmax(2) == wanted).to(at::kFloat).index_select(0, seeing);
  const auto share_right = [&](const Tensor& tokens, const Tensor& sequences) {
    const auto asked = tokens.index_select(0, sequences);
    return (kind_right.index_select(0, sequences) * asked).sum() / asked.sum();
  };
  const auto shows_item = (kinds > 0).to(at::kFloat);
  return {code_loss + kind_weight_ * kind_loss + scene_weight_ * scene.loss +
              position_weight_ * places.loss + counting_weight_ * counted.loss,
          {{"loss_codes", seen.mean()},
           {"loss_first", seen.select(1, 0).mean()},
           {"loss_kinds", kind_loss.detach()},
           {"loss_position", places.loss.detach()},
           {"rows_right", places.rows_right},
           {"columns_right", places.columns_right},
           {"letters_counted", counted.right},
           {"loss_scene", scene.loss.detach()},
           {"scene_right", scene.kinds_right},
           {"edges_right", scene.edges_right},
           {"item_kinds_right", share_right(shows_item, seeing)},
           {"hidden_kinds_right", share_right(shows_item, hiding)},
           {"changes_right", share_right(changes, seeing)},
           {"starts_right", share_right(of_both_grids(kind_starts), seeing)},
           {"loss_preview", seen.narrow(1, 0, preview).mean()},
           {"loss_target", seen.narrow(1, preview, target).mean()},
           {"preview_right", right.narrow(1, 0, preview).mean()},
           {"target_right", right.narrow(1, preview, target).mean()}}};
}

Tensor GeneratorStage::code_pictures(PosterFeed& feed) const {
  constexpr int64_t kPosters = 64, kSide = 512;
  const auto size_of = [](int64_t /*poster*/) { return SizeShare{kSide, kSide}; };
  constexpr int64_t kReduction = text::kPixelsPerToken / kReducedPatch;
  const auto reduced = [](const PosterExample& example) {
    return at::avg_pool2d(picture_batch({example.image}), {kReduction, kReduction});
  };
  return mean_under_codes(feed, *codes_, reduced, kPosters, size_of);
}

std::vector<int64_t> GeneratorStage::draw(const PosterExample& example,
                                          uint64_t seed,
                                          const text::Grid& target) {
  const auto prompt = prompts_->prompt_of(example.scene, example.caption, target).ids;
  const auto positions = text::prefill_positions(prompt, vision_language_.image_token_id, {});
  const auto grids = text::decode_positions(positions.next, {text::preview_grid(target), target});
  pipeline::Decoding decoding(model_,
                              static_cast<int64_t>(prompt.size() + grids.temporal.size()),
                              at::TensorOptions().dtype(config_.working_type()).device(device_));
  auto random = make_random(seed);
  return decoding.draw(
      decoding.read(prompt, positions), grids, codes_->codes(), sampling_, random, {});
}

Image GeneratorStage::sample_sheet() {
  auto feed = feed_.another();
  const auto pictures = code_pictures(feed);
  const auto show = [&](const Tensor& codes, const text::Grid& grid) {
    return picture_of_reduced(pictures.index_select(0, codes), grid);
  };
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(config_.sizes, /*pictures=*/6)) {
    const auto target = text::target_grid(row.height, row.width);
    const auto preview = text::preview_grid(target);
    std::vector<Image> originals, encoded, previews, drawn;
    for (int64_t position = row.first; position < row.first + row.pictures; ++position) {
      auto example = feed.example(position, row.width, row.height, posters::Split::kEvaluation);
      const auto codes =
          codes_->encode(patches_of({example.image}), target.height, target.width).flatten();
      encoded.push_back(show(codes.to(at::kCPU), target));
      const auto tokens = torch::tensor(draw(example, static_cast<uint64_t>(position), target));
      previews.push_back(show(tokens.narrow(0, 0, preview.size()), preview));
      drawn.push_back(show(tokens.narrow(0, preview.size(), target.size()), target));
      originals.push_back(std::move(example.image));
    }
    for (auto* pictures_of_row : {&originals, &encoded, &previews, &drawn}) {
      rows.push_back(std::move(*pictures_of_row));
    }
  }
  return image::contact_sheet(rows);
}

void GeneratorStage::write_components(const std::filesystem::path& folder) {
  const auto source = config_.model / kComponent;
  copy_text_file(source / "generation_config.json", folder / kComponent);
  write_component(folder / kComponent,
                  io::read_json_file(source / "config.json"),
                  *model_,
                  "model.safetensors");
}

}  // namespace glm_image::train
