#include "train/stages/transformer_stage.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "diffusion/sampler.h"
#include "image/contact_sheet.h"
#include "models/layout.h"
#include "models/transformer/patches.h"
#include "models/transformer/picture_input.h"
#include "train/batch/conditioning_noise.h"
#include "train/batch/glyph_batch.h"
#include "train/batch/picture_batch.h"
#include "train/batch/random_crop.h"
#include "train/objectives/flow_matching_noise.h"
#include "train/seeds.h"
#include "train/stages/sample_rows.h"
#include "train/weights/component_files.h"
#include "train/weights/initialise_transformer.h"

namespace glm_image::train {
namespace {

/// x [B, ...] `times` times: all examples, then all of them again.
Tensor repeated(const Tensor& x, int64_t times) {
  std::vector<int64_t> repeats(x.dim(), 1);
  repeats[0] = times;
  return x.repeat(repeats);
}

}  // namespace

TransformerStage::TransformerStage(const TrainingConfig& config,
                                   const at::Device& device,
                                   std::shared_ptr<const TrainingData> data,
                                   const TransformerAuxiliaryMaker& make_auxiliary)
    : CodesStage(config, device, std::move(data)), keys_(config.read_stage<TransformerKeys>()) {
  if (keys_.crop_height % text::kTokenSide != 0) {
    config.stage_fields().refuse("crop_height", concat("a multiple of ", text::kTokenSide));
  }
  flow_ = diffusion::FlowMatchConfig::from_json(
      io::JsonFields::load(config.model / models::kScheduler / "scheduler_config.json"));
  byte_tokenizer_ =
      text::ByteTokenizer::load(config.model / models::kTokenizer / "tokenizer_config.json");
  load_codes(keys_.vq);

  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  // Always float32, as in inference: half precision overflows with the published weights.
  const auto vae_folder = config.in_run(keys_.vae) / models::kVae;
  vae_ = models::AutoencoderKL(
      models::AutoencoderConfig::from_json(io::JsonFields::load(vae_folder / "config.json")),
      options.dtype(at::kFloat));
  load_component(vae_folder, *vae_, device, at::kFloat);
  transformer_ = models::GlmImageTransformer2DModel(
      models::TransformerConfig::from_json(
          io::JsonFields::load(config.model / models::kTransformer / "config.json")),
      options);
  glyph_encoder_ = models::T5Config::from_json(
      io::JsonFields::load(config.model / models::kTextEncoder / "config.json"));
  text_encoder_ = models::T5EncoderModel(glyph_encoder_, options);
  if (make_auxiliary) {
    auxiliary_ = make_auxiliary({transformer_->config(),
                                 glyph_encoder_,
                                 *byte_tokenizer_,
                                 *codes_,
                                 options,
                                 patch_side(),
                                 [this](const Tensor& pictures) { return latents_of(pictures); }});
  }
  FlowMatchingOptions of_objective;
  of_objective.keep_blocks = auxiliary_ && auxiliary_->needs_blocks();
  objective_.emplace(transformer_, text_encoder_, of_objective);
}

std::vector<TrainedModule> TransformerStage::own_modules() {
  return {{models::kTransformer, transformer_.get(), {}, models::kTransformer},
          {models::kTextEncoder, text_encoder_.get(), {}, models::kTextEncoder}};
}

void TransformerStage::initialise_own(const std::string& name,
                                      Tensor& weight,
                                      at::Generator& random) {
  initialise_transformer_weight(name, glyph_encoder_.d_kv, weight, random);
}

int64_t TransformerStage::patch_side() const {
  return transformer_->config().patch_pixels(vae_->config().scale_factor());
}

Tensor TransformerStage::patch_ids(const Tensor& codes,
                                   int64_t grid_height,
                                   int64_t grid_width) const {
  return models::repeat_over_patches(codes.reshape({-1, grid_height, grid_width}),
                                     text::kTokenSide / patch_side());
}

Tensor TransformerStage::latents_of(const Tensor& pictures) const {
  at::NoGradGuard no_grad;
  const auto input = pictures.to(device_).contiguous(at::MemoryFormat::ChannelsLast);
  return vae_->normalise(vae_->encode(input).mean).contiguous();
}

Batch TransformerStage::make_batch(int64_t batch_index, ExampleReader& reader) const {
  auto examples = reader.batch(batch_index);
  const auto total = static_cast<int64_t>(examples.size());
  const auto size = examples.front()->size;
  const at::TensorOptions wide(at::kFloat);
  auto random = make_random(mix_seed(config_.seed, kDropPurpose, batch_index));
  const auto all_drop = at::rand({total}, random, wide) < keys_.cfg_dropout;
  auto crop_random = make_random(mix_seed(config_.seed, kCropPurpose, batch_index));
  const bool crops = at::rand({}, crop_random, wide).item<double>() < keys_.random_crop;
  const int64_t all_rows = size.height / text::kTokenSide;
  const int64_t rows = crops ? std::min(keys_.crop_height / text::kTokenSide, all_rows) : all_rows;

  std::vector<int64_t> all_tops;
  all_tops.reserve(examples.size());
  for (const auto& example : examples) {
    all_tops.push_back(auxiliary_
                           ? auxiliary_->crop_top(*example, rows, crop_random)
                           : at::randint(all_rows - rows + 1, {}, crop_random).item<int64_t>());
  }
  const auto share = keep_own(examples);
  const auto count = share.count();
  const auto drop = share.cut(all_drop);
  const std::vector<int64_t> tops(all_tops.begin() + share.begin(),
                                  all_tops.begin() + share.begin() + count);

  std::vector<Image> images;
  std::vector<Tensor> weights;
  std::vector<std::vector<std::string>> texts;
  auto scaled = at::empty({count, 2}, at::kFloat), corners = at::empty({count, 2}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    auto& example = *examples[i];
    images.push_back(example.picture(size));
    const auto of_cells = example.loss_weights(vae_->config().scale_factor());
    if (of_cells.defined()) weights.push_back(of_cells);
    texts.push_back(drop[i].item<bool>() ? std::vector<std::string>() : example.texts);
    scaled[i][0] = example.scaled.height;
    scaled[i][1] = example.scaled.width;
    corners[i][0] = example.crop_top + tops[i] * text::kTokenSide;
    corners[i][1] = example.crop_left;
  }
  Batch batch{{"pictures", picture_batch(images)},
              {"patches", codes_->patches(images)},
              {"tops", torch::tensor(tops)},
              {"rows", torch::tensor(rows)},
              {"drop", drop},
              {"scaled", scaled},
              {"corners", corners}};
  add_glyphs(make_glyph_batch(*byte_tokenizer_, texts), batch);
  if (!weights.empty()) batch.emplace("weights", at::stack(weights));
  keep_total(share, batch);
  if (auxiliary_) auxiliary_->prepare(batch_index, examples, drop, batch);
  return batch;
}

Tensor TransformerStage::conditioning(const Batch& batch,
                                      const BatchShare& share,
                                      const text::Grid& grid,
                                      at::Generator& random) {
  auto codes = codes_->encode(batch.at("patches"), grid.height, grid.width);
  if (batch.count("codes") > 0) {
    const auto given = batch.at("codes").to(device_);
    codes = at::where(given >= 0, given, codes);
  }
  codes = share.cut(
      with_random_codes(share.spread(codes), codes_->codes(), keys_.conditioning_noise, random));
  if (auxiliary_) codes = auxiliary_->augment(batch, codes, random);
  return codes.view({-1, grid.height, grid.width});
}

Outcome TransformerStage::forward(const Batch& batch, int64_t batch_index) {
  const auto& pictures = batch.at("pictures");
  const int64_t height = pictures.size(2), width = pictures.size(3);
  const auto grid = text::target_grid(height, width);
  const auto& tops = batch.at("tops");
  const auto rows = batch.at("rows").item<int64_t>();
  const auto share = own_share(batch, pictures.size(0));
  auto random = make_random(mix_seed(config_.seed, kNoisePurpose, batch_index));
  const auto codes = crop_rows(conditioning(batch, share, grid, random), tops, rows, 1);

  const int64_t repeats =
      rows < grid.height ? keys_.timesteps_per_crop : keys_.timesteps_per_sample;
  const auto repeat = [&](const Tensor& x) { return repeated(x, repeats).to(device_); };
  const int64_t cells = text::kTokenSide / vae_->config().scale_factor();
  FlowMatchingBatch examples;
  examples.clean = repeat(crop_rows(latents_of(pictures), tops, rows, cells));
  // A crop has the shifted noise level of its whole picture.
  const int64_t image_tokens = height * width / (patch_side() * patch_side());
  const auto levels =
      draw_noise(flow_, image_tokens, {repeats, keys_.timestep_density}, share, random, examples);
  examples.prior_ids = repeat(patch_ids(codes, rows, grid.width));
  examples.drop = repeat(batch.at("drop"));
  examples.crop = repeat(batch.at("corners"));
  examples.sizes = repeat(batch.at("scaled"));
  if (batch.count("weights") > 0) {
    examples.weights = repeat(crop_rows(batch.at("weights"), tops, rows, cells));
  }
  examples.glyphs = glyphs_of(batch).to(device_);
  const auto result = objective_->loss(examples);

  // The loss depends mostly on the noise level: one curve for the third with the least noise, one
  // for that with the most.
  const auto by_noise = share.all_rows(result.error.mean({1, 2, 3}), repeats)
                            .index_select(0, levels.all.argsort().to(device_));
  const int64_t count = repeats * share.total();
  const auto third = std::max<int64_t>(count / 3, 1);
  const auto loss = examples.weights.defined() ? share.part_of(result.loss, examples.weights.sum())
                                               : share.part_of(result.loss);
  Outcome outcome{loss,
                  {{"loss_velocity", share.sum_of_all(loss)},
                   {"loss_little_noise", by_noise.narrow(0, 0, third).mean()},
                   {"loss_much_noise", by_noise.narrow(0, count - third, third).mean()}},
                  share.weight()};
  if (auxiliary_) {
    const auto losses = auxiliary_->losses({batch,
                                            result.blocks,
                                            result.glyph_tokens,
                                            result.glyph_seen,
                                            levels.own,
                                            tops,
                                            rows,
                                            grid.width,
                                            repeats});
    outcome.add(losses.terms, losses.metrics);
  }
  return outcome;
}

std::vector<Image> TransformerStage::sample(
    const Tensor& codes,
    const text::Grid& grid,
    const std::vector<std::vector<std::string>>& texts) const {
  const int64_t cells = text::kTokenSide / vae_->config().scale_factor();
  const int64_t batch = codes.size(0), rows = grid.height * cells, columns = grid.width * cells;
  const int64_t patch = transformer_->config().patch_size;
  const auto schedule =
      diffusion::make_schedule(flow_, keys_.sample_steps, rows * columns / (patch * patch));
  auto random = make_random(config_.seed);
  auto latents = at::randn({batch, transformer_->config().in_channels, rows, columns},
                           random,
                           at::TensorOptions(at::kFloat))
                     .to(device_);
  const auto spelled = make_glyph_batch(*byte_tokenizer_, texts).to(device_);
  const auto silent =
      make_glyph_batch(*byte_tokenizer_, std::vector<std::vector<std::string>>(batch)).to(device_);
  const auto spelled_tokens = encode_glyphs(text_encoder_, spelled);
  const auto silent_tokens = encode_glyphs(text_encoder_, silent);
  const auto prior_ids = patch_ids(codes, grid.height, grid.width);
  const int64_t factor = vae_->config().scale_factor();
  const auto velocity = [&](const Tensor& x, float timestep, bool is_conditional) {
    auto input = models::picture_input(x, prior_ids, rows * factor, columns * factor);
    input.timestep = at::full({batch}, timestep, at::kFloat).to(device_);
    input.glyphs = is_conditional ? spelled_tokens : silent_tokens;
    input.glyph_mask = is_conditional ? spelled.seen : silent.seen;
    input.prior_drop = at::full({batch}, !is_conditional, at::kBool).to(device_);
    return transformer_->forward(input).to(at::kFloat);
  };
  latents =
      diffusion::sample(latents, schedule, {Solver::kEuler, keys_.sample_guidance, {}}, velocity);
  std::vector<Image> images;
  for (int64_t i = 0; i < batch; ++i) {
    const auto latent = vae_->denormalise(latents.narrow(0, i, 1));
    images.push_back(
        picture_of(vae_->decode(latent.contiguous(at::MemoryFormat::ChannelsLast))[0]));
  }
  return images;
}

Image TransformerStage::sample_sheet() {
  const auto reader = data_->reader();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(data_->sizes(), /*pictures=*/6)) {
    std::vector<Image> originals;
    std::vector<std::vector<std::string>> texts;
    const PictureSize size{row.width, row.height};
    for (int64_t i = 0; i < row.pictures; ++i) {
      const auto example = reader->sample(row.first + i, size);
      originals.push_back(example->picture(size));
      texts.push_back(example->texts);
    }
    const auto grid = text::target_grid(row.height, row.width);
    const auto codes = codes_->encode(codes_->patches(originals), grid.height, grid.width);
    rows.push_back(std::move(originals));
    rows.push_back(sample(codes, grid, texts));
  }
  return image::contact_sheet(rows);
}

void TransformerStage::write_components(const std::filesystem::path& folder) {
  write_component(folder / models::kTransformer,
                  io::read_json_file(config_.model / models::kTransformer / "config.json"),
                  *transformer_,
                  models::kDiffusersWeights);
  write_component(folder / models::kTextEncoder,
                  io::read_json_file(config_.model / models::kTextEncoder / "config.json"),
                  *text_encoder_,
                  models::kTransformersWeights);
}

}  // namespace glm_image::train
