#include "train/tokenizer_stage.h"

#include <algorithm>

#include "core/random.h"
#include "image/contact_sheet.h"
#include "models/generator/generation_model.h"
#include "models/transformer/patches.h"
#include "nn/parameter.h"
#include "posters/poster_data.h"
#include "train/component_files.h"
#include "train/initialise.h"
#include "train/picture_batch.h"
#include "train/picture_codes.h"
#include "train/seeds.h"
#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kRevivalPurpose = 201;
constexpr int64_t kReducedPatch = 8;  // pixels along a token's side
constexpr int64_t kReduction = text::kPixelsPerToken / kReducedPatch;
constexpr const char* kComponent = "vision_language_encoder";
constexpr const char* kCodebook = "quantize.embedding.weight";

}  // namespace

CodeReaderImpl::CodeReaderImpl(const models::VisionConfig& config,
                               int64_t kinds,
                               const at::TensorOptions& options) {
  const int64_t hidden = 2 * config.hidden_size;
  norm = register_module("norm", nn::LayerNorm(config.hidden_size, config.layer_norm_eps, options));
  to_hidden = register_module("to_hidden", nn::Linear(config.hidden_size, hidden, options));
  to_pixels =
      register_module("to_pixels", nn::Linear(hidden, 3 * kReducedPatch * kReducedPatch, options));
  to_kinds = register_module("to_kinds", nn::Linear(hidden, kinds, options));
}

CodeReaderImpl::Reading CodeReaderImpl::forward(const Tensor& features) const {
  const auto x = at::gelu(to_hidden->forward(norm->forward(features)));
  return {to_pixels->forward(x).to(at::kFloat), to_kinds->forward(x).to(at::kFloat)};
}

TokenizerStage::TokenizerStage(const TrainingConfig& config, const at::Device& device)
    : PosterStage(config, device) {
  const auto fields = config.fields.required_object("tokenizer");
  kind_weight_ = fields.optional_double("kind_weight", 0.3, 0, 1e3);
  commitment_weight_ = fields.optional_double("commitment_weight", 0.25, 0, 1e3);
  pictogram_weight_ = fields.optional_double("pictogram_weight", 6, 1e-3, 1e3);
  text_weight_ = fields.optional_double("text_weight", 2, 1e-3, 1e3);
  ground_weight_ = fields.optional_double("ground_weight", 1, 1e-3, 1e3);
  is_local_ = fields.optional_bool("local", true);
  quantised_from_ = fields.optional_int64("quantised_from", 0, 0, 1'000'000);
  codebook_decay_ = fields.optional_double("codebook_decay", 0.98, 0, 0.99999);
  const auto component = io::JsonFields::load(config.model / kComponent / "config.json");
  vision_config_ = models::VisionConfig::from_json(component.required_object("vision_config"));
  vq_config_ = models::VqConfig::from_json(component.required_object("vq_config"));
  image_settings_ = pipeline::ImageSettings::load(config.model / "processor");
  kinds_ = count_token_kinds(feed_.source());

  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  visual_ = models::GlmImageVisionModel(vision_config_, options);
  vqmodel_ = models::GlmImageVQModel(vq_config_, options);
  reader_ = CodeReader(vision_config_, kinds_, options);

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
  auto weights_by_name = visual_->named_parameters();
  for (const auto& name : held_at_zero()) {
    auto& weight = weights_by_name[name];
    weight.set_data(at::zeros(weight.sizes(), options));
  }
  auto codebook = vqmodel_->codebook()->weight;
  codebook.set_data(code_sums_.to(config.working_type()));
}

std::vector<std::string> TokenizerStage::held_at_zero() const {
  std::vector<std::string> names;
  if (!is_local_) return names;
  for (const auto& name : visual_->named_parameters().keys()) {
    if (name.find("position_embedding") != std::string::npos ||
        name.find("attn.proj") != std::string::npos) {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<TrainedModule> TokenizerStage::modules() {
  return {{"visual", visual_.get(), held_at_zero(), kComponent, models::kVisualPrefix},
          {"vqmodel", vqmodel_.get(), {kCodebook}, kComponent, models::kVqPrefix},
          {"reader", reader_.get()}};
}

void TokenizerStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
}

Batch TokenizerStage::make_batch(int64_t step, PosterFeed& feed) const {
  const auto& size = config_.size_at(step);
  const auto grid = text::target_grid(size.height, size.width);
  std::vector<Tensor> patches, kinds, pixels;
  for (int64_t i = 0; i < config_.batch; ++i) {
    auto example = feed.example(config_.example_at(step, i), size.width, size.height);
    kinds.push_back(token_kinds(feed_.source(), example.scene, example.layout, grid));
    pixels.push_back(essence(feed.renderer(), example, kinds.back()));
    patches.push_back(pipeline::vision_patches(image_settings_, {std::move(example.image), grid}));
  }
  return {{"patches", at::stack(patches)},
          {"kinds", at::stack(kinds)},
          {"pixels", at::stack(pixels)},
          {"grid", torch::tensor({grid.height, grid.width})}};
}

Tensor TokenizerStage::essence(posters::Renderer& renderer,
                               const PosterExample& example,
                               const Tensor& kinds) {
  // No ground of a poster and no pictogram has this colour.
  const posters::Colour no_ground{"", {255, 0, 255}};
  auto ground = example.scene, items = example.scene;
  ground.texts.clear();
  ground.pictograms.clear();
  items.background = {no_ground, {}};
  const auto draw = [&](const posters::Scene& scene) {
    return renderer.render(
        scene, example.image.width, example.image.height, posters::LetterShapes::kBars);
  };
  const auto pictures = picture_batch({draw(ground), draw(items)});
  const auto pixels =
      models::patchify(at::avg_pool2d(pictures, {kReduction, kReduction}), kReducedPatch);
  return at::where((kinds > 0).unsqueeze(1), pixels[1], pixels[0]);
}

TokenizerStage::Encoded TokenizerStage::encode(const Tensor& patches,
                                               int64_t grid_height,
                                               int64_t grid_width,
                                               bool quantised) const {
  const auto features = visual_->forward(patches.to(device_), grid_height, grid_width);
  Encoded encoded;
  encoded.vectors = vqmodel_->vectors(features.flatten(0, 1));
  const auto codes = vqmodel_->codes().detach();
  encoded.ids = models::GlmImageVQModelImpl::nearest(encoded.vectors.detach(), codes);
  const auto chosen = codes.index_select(0, encoded.ids);
  const auto passed =
      quantised ? encoded.vectors + (chosen - encoded.vectors).detach() : encoded.vectors;
  encoded.reading = reader_->forward(
      vqmodel_->features_of(passed).view({features.size(0), features.size(1), -1}));
  return encoded;
}

Outcome TokenizerStage::forward(const Batch& batch, int64_t step) {
  const auto grid = batch.at("grid");
  const auto encoded = encode(batch.at("patches"),
                              grid[0].item<int64_t>(),
                              grid[1].item<int64_t>(),
                              step >= quantised_from_);
  const auto kinds = batch.at("kinds").to(device_).flatten();
  auto weights = at::full(kinds.sizes(), ground_weight_, kinds.options().dtype(at::kFloat));
  const auto first_pictogram = first_pictogram_kind(feed_.source());
  weights.masked_fill_(kinds > 0, text_weight_);
  weights.masked_fill_(kinds >= first_pictogram, pictogram_weight_);
  const auto weighted_mean = [&](const Tensor& of_tokens) {
    return (of_tokens * weights).sum() / weights.sum();
  };
  const auto pixel_loss = weighted_mean(
      (encoded.reading.pixels - batch.at("pixels").to(device_)).abs().mean(2).flatten());
  const auto logits = encoded.reading.kinds.flatten(0, 1);
  const auto kind_loss =
      weighted_mean(at::cross_entropy_loss(logits, kinds, /*weight=*/{}, at::Reduction::None));
  const auto chosen = vqmodel_->codes().detach().index_select(0, encoded.ids);
  const auto commitment = weighted_mean(1 - (encoded.vectors * chosen).sum(1));

  last_vectors_ = encoded.vectors.detach();
  last_ids_ = encoded.ids;
  last_weights_ = weights;
  const auto shares = code_counts_ / code_counts_.sum();
  const auto entropy = -(shares * (shares + 1e-12).log2()).sum();
  const auto is_right = logits.argmax(1) == kinds;
  const auto share_right = [&](const Tensor& shown) {
    return is_right.logical_and(shown).sum().to(at::kFloat) / shown.sum().clamp_min(1);
  };
  return {pixel_loss + kind_weight_ * kind_loss + commitment_weight_ * commitment,
          {{"pixel_error", pixel_loss.detach()},
           {"kind_loss", kind_loss.detach()},
           {"pictogram_right", share_right(kinds >= first_pictogram)},
           {"text_colour_right", share_right((kinds > 0).logical_and(kinds < first_pictogram))},
           {"commitment", commitment.detach()},
           {"code_entropy_bits", entropy},
           {"codes_in_use", (shares > 0.05 / shares.size(0)).sum().to(at::kFloat)}}};
}

void TokenizerStage::after_step(int64_t step) {
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
    const auto picked =
        at::multinomial(last_weights_.to(at::kCPU), dead.size(0), /*replacement=*/true, random);
    code_sums_.index_copy_(0, dead, last_vectors_.index_select(0, picked.to(device_)) * share);
    code_counts_.index_fill_(0, dead, share);
  }
  const auto means = code_sums_ / code_sums_.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  vqmodel_->codebook()->weight.copy_(means);
}

NamedTensors TokenizerStage::state() {
  return {{"stage.code_sums", code_sums_},
          {"stage.code_counts", code_counts_},
          {"stage.codebook", vqmodel_->codebook()->weight}};
}

Image TokenizerStage::sample_sheet() {
  auto feed = feed_.another();
  std::vector<std::vector<Image>> rows;
  for (int64_t row = 0; row < 3; ++row) {
    std::vector<Image> originals, essences, readings;
    for (int64_t i = 0; i < 6; ++i) {
      auto example = feed.example(row * 6 + i, 256, 256, posters::Split::kEvaluation);
      const auto grid = text::target_grid(256, 256);
      const auto patches = pipeline::vision_patches(image_settings_, {example.image, grid});
      const auto show = [&](const Tensor& pixels) {
        const auto reduced = models::unpatchify(
            pixels.view({1, grid.size(), -1}), grid.height, grid.width, kReducedPatch);
        return picture_of(at::upsample_nearest2d(reduced, {256, 256})[0]);
      };
      readings.push_back(
          show(encode(patches.unsqueeze(0), grid.height, grid.width).reading.pixels));
      const auto kinds = token_kinds(feed_.source(), example.scene, example.layout, grid);
      essences.push_back(show(essence(feed.renderer(), example, kinds)));
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
}

}  // namespace glm_image::train
