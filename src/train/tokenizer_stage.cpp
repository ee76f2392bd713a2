#include "train/tokenizer_stage.h"

#include <array>

#include "core/random.h"
#include "image/contact_sheet.h"
#include "models/generator/generation_model.h"
#include "nn/parameter.h"
#include "posters/poster_data.h"
#include "train/component_files.h"
#include "train/initialise.h"
#include "train/picture_codes.h"
#include "train/sample_rows.h"
#include "train/scene_codes.h"
#include "train/scene_questions.h"
#include "train/seeds.h"
#include "train/token_kinds.h"
#include "train/token_parts.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kRevivalPurpose = 201;
/// Of the cosines between vectors and codes, as logits: neighbours among 4096 codes in 32
/// dimensions lie at 0.7 to 0.9.
constexpr double kSharpness = 20;
constexpr const char* kComponent = "vision_language_encoder";
constexpr const char* kCodebook = "quantize.embedding.weight";
constexpr double kLeastFindingWeight = 0.5;
/// How much each question of token_parts.h counts. A line's number, height, size and style are
/// told by a text's other tokens, too.
constexpr std::array<double, 6> kQuestionWeights{1, 1, 0.5, 0.5, 0.5, 0.25};

Tensor weighted_mean(const Tensor& of_tokens, const Tensor& weights) {
  return (of_tokens * weights).sum() / weights.sum();
}

Tensor share_of(const Tensor& right, const Tensor& shown) {
  return right.logical_and(shown).sum().to(at::kFloat) / shown.sum();
}

void copy_weights(const CodeTeacherImpl& from, CodeTeacherImpl& to) {
  const at::NoGradGuard no_gradients;
  const auto sources = from.named_parameters();
  for (auto& weight : to.named_parameters()) weight.value().copy_(sources[weight.key()]);
}

}  // namespace

TokenizerStage::TokenizerStage(const TrainingConfig& config, const at::Device& device)
    : PosterStage(config, device) {
  if (config.loop.accumulate != 1) {
    config.fields.refuse("accumulate", "1 in this stage, whose codes move after every batch");
  }
  const auto fields = config.fields.required_object("tokenizer");
  kind_weight_ = fields.optional_double("kind_weight", 0.3, 0, 1e3);
  part_weight_ = fields.optional_double("part_weight", 1, 0, 1e3);
  finding_weight_ = fields.optional_double("finding_weight", 1, 0, 1e3);
  pictogram_weight_ = fields.optional_double("pictogram_weight", 6, 1e-3, 1e3);
  text_weight_ = fields.optional_double("text_weight", 2, 1e-3, 1e3);
  ground_weight_ = fields.optional_double("ground_weight", 1, 1e-3, 1e3);
  quantised_from_ = fields.optional_int64("quantised_from", 0, 0, 1'000'000);
  codes_until_ = fields.optional_int64("codes_until", 1500, 0, 1'000'000);
  codebook_decay_ = fields.optional_double("codebook_decay", 0.98, 0, 0.99999);
  const auto component = io::JsonFields::load(config.model / kComponent / "config.json");
  vision_config_ = models::VisionConfig::from_json(component.required_object("vision_config"));
  vq_config_ = models::VqConfig::from_json(component.required_object("vq_config"));
  image_settings_ = pipeline::ImageSettings::load(config.model / "processor");
  const auto kinds = count_token_kinds(feed_.source());
  const auto parts = count_part_answers(feed_.source());

  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  visual_ = models::GlmImageVisionModel(vision_config_, options);
  vqmodel_ = models::GlmImageVQModel(vq_config_, options);
  teacher_ = make_code_teacher(feed_.source(), vq_config_.embed_dim, options);
  settled_ = make_code_teacher(feed_.source(), vq_config_.embed_dim, options);
  for (auto& weight : settled_->parameters()) {
    weight.set_data(at::zeros(weight.sizes(), options));
    weight.set_requires_grad(false);
  }
  if (codes_until_ == 0) {
    if (!config.start) fields.refuse("codes_until", "above 0 where no start has made codes");
    load_component(*config.start / kCodeTeacher, *settled_, device, config.working_type());
  }
  reader_ = CodeReader(kinds, parts, kReducedPixels, vision_config_.hidden_size, options);

  auto random = make_random(mix_seed(config.seed, /*purpose=*/200, 0));
  const auto wide = at::TensorOptions().dtype(at::kFloat);
  code_sums_ = at::randn({vq_config_.num_embeddings, vq_config_.embed_dim}, random, wide);
  if (config.start) {
    load_tokenizer_half(
        *config.start / kComponent, visual_, vqmodel_, device, config.working_type());
    code_sums_ = vqmodel_->codebook()->weight.detach().to(at::kCPU).to(at::kFloat).clone();
  }
  code_sums_.div_(code_sums_.norm(2, {1}, /*keepdim=*/true));
  code_sums_ = code_sums_.to(device);
  code_counts_ = at::ones({vq_config_.num_embeddings}, wide.device(device));
  auto codebook = vqmodel_->codebook()->weight;
  codebook.set_data(code_sums_.to(config.working_type()));
}

std::vector<TrainedModule> TokenizerStage::modules() {
  return {{"visual", visual_.get(), {}, kComponent, models::kVisualPrefix},
          {"vqmodel", vqmodel_.get(), {kCodebook}, kComponent, models::kVqPrefix},
          {"teacher", teacher_.get()},
          {"reader", reader_.get()}};
}

void TokenizerStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
}

Batch TokenizerStage::make_batch(int64_t step, PosterFeed& feed) const {
  const auto& size = config_.size_at(step);
  const auto grid = text::target_grid(size.height, size.width);
  std::vector<Tensor> patches, kinds, parts, pixels;
  for (int64_t i = 0; i < config_.batch; ++i) {
    auto example = feed.example(config_.example_at(step, i), size.width, size.height);
    kinds.push_back(token_kinds(feed_.source(), example.scene, example.layout, grid));
    parts.push_back(token_parts(feed_.source(), example, grid));
    pixels.push_back(essence(feed.renderer(), example, kinds.back()));
    // While codes are made nobody looks at pictures.
    if (step < codes_until_) continue;
    patches.push_back(pipeline::vision_patches(image_settings_, {std::move(example.image), grid}));
  }
  Batch batch{{"kinds", at::stack(kinds)},
              {"parts", at::stack(parts, 1)},
              {"pixels", at::stack(pixels)},
              {"grid", torch::tensor({grid.height, grid.width})}};
  if (!patches.empty()) batch.emplace("patches", at::stack(patches));
  return batch;
}

Tensor TokenizerStage::essence(posters::Renderer& renderer,
                               const PosterExample& example,
                               const Tensor& kinds) {
  // No ground of a poster and no pictogram has this colour.
  const posters::Colour no_ground{"", {255, 0, 255}};
  auto items = example.scene;
  items.background = {no_ground, {}};
  const auto draw = [&](const posters::Scene& scene) {
    return renderer.render(
        scene, example.image.width, example.image.height, posters::LetterShapes::kBars);
  };
  const auto pixels = reduced_by_tokens({draw(ground_of(example.scene)), draw(items)});
  return at::where((kinds > 0).unsqueeze(1), pixels[1], pixels[0]);
}

Tensor TokenizerStage::vectors_of(const Tensor& patches,
                                  int64_t grid_height,
                                  int64_t grid_width) const {
  const auto features = visual_->forward(patches.to(device_), grid_height, grid_width);
  return vqmodel_->vectors(features.flatten(0, 1));
}

Outcome TokenizerStage::forward(const Batch& batch, int64_t step) {
  const TokenContent content{batch.at("kinds").to(device_).flatten(),
                             batch.at("parts").to(device_).flatten(1),
                             batch.at("pixels").to(device_).flatten(0, 1)};
  const auto& kinds = content.kinds;
  auto weights = at::full(kinds.sizes(), ground_weight_, kinds.options().dtype(at::kFloat));
  weights.masked_fill_(kinds > 0, text_weight_);
  weights.masked_fill_(kinds >= first_pictogram_kind(feed_.source()), pictogram_weight_);
  if (step < codes_until_) return make_codes(content, weights, step);
  if (step == codes_until_ && step > 0) copy_weights(*teacher_, *settled_);
  // The codes are shared out; what is left is that each is the same wherever it should be.
  return find_codes(batch, content, weights.clamp_min(kLeastFindingWeight));
}

Outcome TokenizerStage::make_codes(const TokenContent& content,
                                   const Tensor& weights,
                                   int64_t step) {
  const auto& kinds = content.kinds;
  const auto vectors = teacher_->forward(content);
  const auto codes = vqmodel_->codes().detach();
  const auto ids = models::GlmImageVQModelImpl::nearest(vectors.detach(), codes);
  const auto chosen = codes.index_select(0, ids);
  const auto passed = step >= quantised_from_ ? vectors + (chosen - vectors).detach() : vectors;
  const auto reading = reader_->forward(vqmodel_->features_of(passed));

  const auto pixel_loss = weighted_mean((reading.pixels - content.pixels).abs().mean(1), weights);
  const auto kind_loss = weighted_mean(
      at::cross_entropy_loss(reading.kinds, kinds, /*weight=*/{}, at::Reduction::None), weights);
  auto part_loss = at::zeros({}, weights.options());
  std::vector<Tensor> parts_right;
  for (size_t question = 0; question < kQuestionWeights.size(); ++question) {
    const auto& answers = reading.parts.at(question);
    const auto wanted = content.parts[static_cast<int64_t>(question)];
    const auto losses =
        at::cross_entropy_loss(answers, wanted, /*weight=*/{}, at::Reduction::None, kNoAnswer);
    part_loss = part_loss + kQuestionWeights[question] * weighted_mean(losses, weights);
    parts_right.push_back(share_of(answers.argmax(1) == wanted, wanted != kNoAnswer));
  }

  last_vectors_ = vectors.detach();
  last_ids_ = ids;
  last_weights_ = weights;
  last_distances_ = 1 - (last_vectors_ * chosen).sum(1);
  const auto shares = code_counts_ / code_counts_.sum();
  const auto is_right = reading.kinds.argmax(1) == kinds;
  return {pixel_loss + kind_weight_ * kind_loss + part_weight_ * part_loss,
          {{"pixel_error", pixel_loss.detach()},
           {"kind_loss", kind_loss.detach()},
           {"pictogram_right", share_of(is_right, are_pictograms(kinds))},
           {"text_colour_right", share_of(is_right, are_texts(kinds))},
           {"pictogram_part_right", parts_right[0]},
           {"line_column_right", parts_right[1]},
           {"line_number_right", parts_right[2]},
           {"line_height_right", parts_right[3]},
           {"text_size_right", parts_right[4]},
           {"text_style_right", parts_right[5]},
           {"distance", weighted_mean(last_distances_, weights)},
           {"code_entropy_bits", -(shares * (shares + 1e-12).log2()).sum()},
           {"codes_in_use", (shares > 0.05 / shares.size(0)).sum().to(at::kFloat)}}};
}

Outcome TokenizerStage::find_codes(const Batch& batch,
                                   const TokenContent& content,
                                   const Tensor& weights) const {
  const auto codes = vqmodel_->codes().detach();
  Tensor ids;
  {
    const at::NoGradGuard no_gradients;
    ids = models::GlmImageVQModelImpl::nearest(settled_->forward(content), codes);
  }
  const auto grid = batch.at("grid");
  const auto vectors =
      vectors_of(batch.at("patches"), grid[0].item<int64_t>(), grid[1].item<int64_t>());
  const auto cosines = at::matmul(vectors, codes.t());
  const auto loss = weighted_mean(
      at::cross_entropy_loss(kSharpness * cosines, ids, /*weight=*/{}, at::Reduction::None),
      weights);
  const auto is_found = cosines.detach().argmax(1) == ids;
  return {finding_weight_ * loss,
          {{"finding_loss", loss.detach()},
           {"found_in_ground", share_of(is_found, content.kinds == 0)},
           {"found_in_pictograms", share_of(is_found, are_pictograms(content.kinds))},
           {"found_in_texts", share_of(is_found, are_texts(content.kinds))}}};
}

Tensor TokenizerStage::are_pictograms(const Tensor& kinds) const {
  return kinds >= first_pictogram_kind(feed_.source());
}

Tensor TokenizerStage::are_texts(const Tensor& kinds) const {
  return (kinds > 0).logical_and(kinds < first_pictogram_kind(feed_.source()));
}

void TokenizerStage::after_step(int64_t step) {
  if (step < codes_until_) move_codes(step);
}

void TokenizerStage::move_codes(int64_t step) {
  const int64_t codes = vq_config_.num_embeddings;
  const auto counts = at::bincount(last_ids_, last_weights_, codes).to(at::kFloat);
  const auto sums = at::zeros_like(code_sums_)
                        .index_add_(0, last_ids_, last_vectors_ * last_weights_.unsqueeze(1));
  code_counts_.lerp_(counts, 1 - codebook_decay_);
  code_sums_.lerp_(sums, 1 - codebook_decay_);

  // A code that gets less than a tenth of its share starts again at a vector of this batch.
  const double share = last_weights_.sum().item<double>() / static_cast<double>(codes);
  const auto dead = (code_counts_ < 0.1 * share).nonzero().squeeze(1);
  if (dead.size(0) > 0 && step % 10 == 0) {
    auto random = make_random(mix_seed(config_.seed, kRevivalPurpose, step));
    const auto wanting = (last_weights_ * last_distances_.clamp_min(1e-6)).to(at::kCPU);
    const auto picked = at::multinomial(wanting, dead.size(0), /*replacement=*/true, random);
    code_sums_.index_copy_(0, dead, last_vectors_.index_select(0, picked.to(device_)) * share);
    code_counts_.index_fill_(0, dead, share);
  }
  const auto means = code_sums_ / code_sums_.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  vqmodel_->codebook()->weight.copy_(means);
}

NamedTensors TokenizerStage::state() {
  NamedTensors state{{"stage.code_sums", code_sums_},
                     {"stage.code_counts", code_counts_},
                     {"stage.codebook", vqmodel_->codebook()->weight}};
  for (const auto& weight : settled_->named_parameters()) {
    state.emplace_back("stage.teacher." + weight.key(), weight.value());
  }
  return state;
}

Image TokenizerStage::sample_sheet() {
  auto feed = feed_.another();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(config_.sizes, /*pictures=*/6)) {
    const auto grid = text::target_grid(row.height, row.width);
    std::vector<Image> originals, essences, readings;
    for (int64_t i = 0; i < row.pictures; ++i) {
      auto example =
          feed.example(row.first + i, row.width, row.height, posters::Split::kEvaluation);
      const auto patches = pipeline::vision_patches(image_settings_, {example.image, grid});
      const auto codes = vqmodel_->codes();
      const auto ids = models::GlmImageVQModelImpl::nearest(
          vectors_of(patches.unsqueeze(0), grid.height, grid.width), codes);
      const auto features = vqmodel_->features_of(codes.index_select(0, ids));
      readings.push_back(picture_of_reduced(reader_->forward(features).pixels, grid));
      const auto kinds = token_kinds(feed_.source(), example.scene, example.layout, grid);
      essences.push_back(picture_of_reduced(essence(feed.renderer(), example, kinds), grid));
      originals.push_back(std::move(example.image));
    }
    rows.push_back(std::move(originals));
    rows.push_back(std::move(essences));
    rows.push_back(std::move(readings));
  }
  return image::contact_sheet(rows);
}

void TokenizerStage::write_components(const std::filesystem::path& folder) {
  // Half of the component vision_language_encoder: `export` joins it with the generator.
  auto config = io::read_json_file(config_.model / kComponent / "config.json");
  write_component(
      folder / kComponent, config, *tokenizer_half(visual_, vqmodel_), "model.safetensors");
  const bool is_settled = settled_->parameters().front().any().item<bool>();
  write_component(folder / kCodeTeacher,
                  io::Json::object(),
                  is_settled ? *settled_ : *teacher_,
                  "model.safetensors");
}

}  // namespace glm_image::train
