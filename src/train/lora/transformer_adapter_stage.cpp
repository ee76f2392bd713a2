#include "core/random.h"
#include "models/layout.h"
#include "models/transformer/patches.h"
#include "models/transformer/picture_input.h"
#include "nn/without_updates.h"
#include "text/glyph_texts.h"
#include "train/batch/glyph_batch.h"
#include "train/lora/adapter_stage.h"
#include "train/lora/base_adapters.h"
#include "train/objectives/flow_matching_noise.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr DataFeatures::Needs kAllFeatures{/*latents=*/true, /*tokens=*/true};

std::string reference_name(const char* what, int64_t number) {
  return concat("reference_", what, "_", number);
}

}  // namespace

TransformerAdapterStage::TransformerAdapterStage(const pipeline::Checkpoint& checkpoint,
                                                 const DataFeatures& features,
                                                 const AdapterStageOptions& options)
    : AdapterStage(models::kTransformer, checkpoint, features, options) {
  transformer_ = checkpoint.load_transformer(base_adapters(checkpoint), {}, options.load);
  text_encoder_ = checkpoint.load_glyph_encoder({});
  for (auto& parameter : text_encoder_->parameters()) parameter.requires_grad_(false);
  adapt(*transformer_,
        "transformer_blocks.",
        {".attn1.to_q", ".attn1.to_k", ".attn1.to_v", ".attn1.to_out.0"},
        {".ff.net.0.proj", ".ff.net.2"});
  FlowMatchingOptions of_objective;
  of_objective.recompute_blocks = options_.recompute;
  objective_.emplace(transformer_, text_encoder_, of_objective);
  preservation_.emplace(transformer_, text_encoder_, of_objective);
}

Tensor TransformerAdapterStage::patch_ids(const Tensor& tokens) const {
  return models::repeat_over_patches(tokens, checkpoint_.patches_per_token());
}

pipeline::LoadedModules TransformerAdapterStage::loaded() const {
  pipeline::LoadedModules modules;
  modules.transformer = transformer_;
  return modules;
}

Batch TransformerAdapterStage::make_batch(const AdapterExamples& examples,
                                          const std::vector<int64_t>& rows,
                                          const BatchShare& share,
                                          int64_t batch_index) const {
  const auto& features = examples.features;
  const auto count = static_cast<int64_t>(rows.size());
  auto random = make_random(mix_seed(examples.seed, kAdapterDropPurpose, batch_index));
  const auto drop = share.cut(at::rand({share.total()}, random, at::TensorOptions(at::kFloat)) <
                              kGuidanceDropout);
  std::vector<Tensor> clean, tokens;
  std::vector<std::vector<std::string>> texts;
  auto sizes = at::empty({count, 2}, at::kFloat), crops = at::empty({count, 2}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = rows[i];
    const auto picture = features.of_picture(row, kAllFeatures);
    clean.push_back(picture.latents);
    tokens.push_back(picture.tokens);
    const auto geometry = features.geometry(row);
    sizes[i][0] = geometry.scaled.height;
    sizes[i][1] = geometry.scaled.width;
    crops[i][0] = geometry.top;
    crops[i][1] = geometry.left;
    // An unconditional example has the empty text.
    texts.push_back(drop[i].item<bool>() ? std::vector<std::string>()
                                         : text::glyph_texts(features.data().rows()[row].caption,
                                                             text::GlyphRules::kSmart));
  }
  Batch batch{{"clean", at::stack(clean)},
              {"tokens", at::stack(tokens)},
              {"drop", drop},
              {"sizes", sizes},
              {"crops", crops}};
  add_glyphs(make_glyph_batch(*checkpoint_.byte_tokenizer, texts), batch);
  // The unconditional branch does not see references. Examples that have some are alone.
  if (share.total() == 1 && !drop.item<bool>()) {
    int64_t number = 0;
    for (const auto& reference : features.of_references(rows.front(), kAllFeatures)) {
      batch[reference_name("latents", number)] = reference.latents.unsqueeze(0);
      batch[reference_name("tokens", number)] = reference.tokens.unsqueeze(0);
      ++number;
    }
  }
  return batch;
}

std::unique_ptr<models::ConditionCache> TransformerAdapterStage::read_references(
    const Batch& batch) const {
  if (batch.count(reference_name("latents", 0)) == 0) return nullptr;
  // As in inference the adapters act on references too, but no gradient passes through them.
  const at::NoGradGuard no_grad;
  const auto& device = checkpoint_.placement().device;
  const int64_t factor = checkpoint_.autoencoder.scale_factor();
  auto conditions = std::make_unique<models::ConditionCache>(checkpoint_.transformer.num_layers);
  for (int64_t number = 0; batch.count(reference_name("latents", number)) > 0; ++number) {
    const auto latents = batch.at(reference_name("latents", number)).to(device);
    auto input =
        models::picture_input(latents,
                              patch_ids(batch.at(reference_name("tokens", number))).to(device),
                              latents.size(2) * factor,
                              latents.size(3) * factor);
    input.glyphs = at::empty({1, 0, checkpoint_.transformer.text_embed_dim}).to(device);
    input.prior_drop = at::zeros({1}, at::kBool).to(device);
    input.timestep = at::zeros({1}, at::kFloat).to(device);
    input.write = conditions.get();
    transformer_->forward(input);
  }
  return conditions;
}

std::pair<FlowMatchingBatch, Tensor> TransformerAdapterStage::noised(
    const Batch& batch, const AdapterExamples& examples, int64_t batch_index) const {
  const auto& device = checkpoint_.placement().device;
  const auto on_device = [&](const char* name) { return batch.at(name).to(device); };
  auto random = make_random(mix_seed(examples.seed, kAdapterNoisePurpose, batch_index));
  const int64_t patch = checkpoint_.transformer.patch_size;
  FlowMatchingBatch pictures;
  pictures.clean = on_device("clean");
  const auto share = own_share(batch, pictures.clean.size(0));
  const int64_t image_tokens = pictures.clean.size(2) * pictures.clean.size(3) / (patch * patch);
  const auto levels =
      draw_noise(checkpoint_.scheduler, image_tokens, NoiseOptions(), share, random, pictures).all;
  pictures.prior_ids = patch_ids(on_device("tokens"));
  pictures.drop = on_device("drop");
  pictures.crop = on_device("crops");
  pictures.sizes = on_device("sizes");
  pictures.glyphs = glyphs_of(batch).to(device);
  return {pictures, levels};
}

Outcome TransformerAdapterStage::learn(const Batch& batch,
                                       const AdapterExamples& examples,
                                       int64_t batch_index) {
  auto [pictures, levels] = noised(batch, examples, batch_index);
  const auto share = own_share(batch, pictures.clean.size(0));
  // Those of the last batch are released first: the predicted memory has no room for both.
  conditions_.reset();
  prior_conditions_.reset();
  conditions_ = read_references(batch);
  pictures.conditions = conditions_.get();
  const auto result = objective_->loss(pictures);
  // The loss depends far more on the noise level than on what was learnt: a curve of each half.
  const auto by_example = share.all_rows(result.error.mean({1, 2, 3})).cpu();
  const auto mean_where = [&](const Tensor& chosen) {
    return by_example.masked_select(chosen).mean();
  };
  return {share.part_of(result.loss),
          {{"loss_little_noise", mean_where(levels < 0.5)},
           {"loss_much_noise", mean_where(levels >= 0.5)}},
          share.weight()};
}

Tensor TransformerAdapterStage::preserve(const Batch& batch,
                                         const AdapterExamples& examples,
                                         int64_t batch_index) {
  auto pictures = noised(batch, examples, batch_index).first;
  std::unique_ptr<models::ConditionCache> of_base;
  {
    const nn::WithoutUpdates without_updates(*transformer_);
    of_base = read_references(batch);
  }
  prior_conditions_ = read_references(batch);
  pictures.conditions = prior_conditions_.get();
  const auto share = own_share(batch, pictures.clean.size(0));
  return share.part_of(preservation_->loss(pictures, of_base.get()));
}

}  // namespace glm_image::train
