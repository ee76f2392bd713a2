#include "train/decoder_stage.h"

#include "core/random.h"
#include "image/contact_sheet.h"
#include "models/transformer/patches.h"
#include "train/component_files.h"
#include "train/initialise.h"
#include "train/picture_batch.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kNoisePurpose = 301, kDropPurpose = 302;

std::vector<std::string> texts_of(const posters::Scene& scene) {
  std::vector<std::string> texts;
  for (const auto& item : scene.texts) texts.push_back(item.text);
  return texts;
}

}  // namespace

DecoderStage::DecoderStage(const TrainingConfig& config, const at::Device& device)
    : config_(config), device_(device), feed_(config.data, config.seed) {
  const auto fields = config.fields.required_object("decoder");
  drop_share_ = fields.optional_double("drop_share", 0.1, 0, 1);
  code_noise_ = fields.optional_double("code_noise", 0.02, 0, 1);
  text_weight_ = fields.optional_double("text_weight", 2, 1, 100);
  guidance_ = fields.optional_double("sample_guidance", 1.5, 1, 100);
  noises_per_picture_ = fields.optional_int64("noises_per_picture", 2, 1, 64);
  sample_steps_ = fields.optional_int64("sample_steps", 20, 1, 1000);
  flow_ = diffusion::FlowMatchConfig::from_json(
      io::JsonFields::load(config.model / "scheduler" / "scheduler_config.json"));
  byte_tokenizer_ = text::ByteTokenizer::load(config.model / "tokenizer" / "tokenizer_config.json");
  codes_.emplace(config.folder("tokenizer") / "vision_language_encoder",
                 pipeline::ImageSettings::load(config.model / "processor"),
                 device,
                 config.working_type());

  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  const auto vae_folder = config.folder("vae") / "vae";
  vae_ = models::AutoencoderKL(
      models::AutoencoderConfig::from_json(io::JsonFields::load(vae_folder / "config.json")),
      options);
  load_component(vae_folder, *vae_, device, config.working_type());
  transformer_ = models::GlmImageTransformer2DModel(
      models::TransformerConfig::from_json(
          io::JsonFields::load(config.model / "transformer" / "config.json")),
      options);
  glyph_encoder_ = models::T5Config::from_json(
      io::JsonFields::load(config.model / "text_encoder" / "config.json"));
  text_encoder_ = models::T5EncoderModel(glyph_encoder_, options);
}

std::vector<TrainedModule> DecoderStage::modules() {
  return {{"transformer", transformer_.get(), {}, "transformer"},
          {"text_encoder", text_encoder_.get(), {}, "text_encoder"}};
}

void DecoderStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
  // Blocks begin as the identity and the output as zero (Peebles and Xie 2023).
  if (name.find("norm1.linear") != std::string::npos ||
      name.find("norm_out.linear") != std::string::npos ||
      name.find("proj_out") != std::string::npos) {
    weight.zero_();
  }
  // T5 does not scale its scores: its queries are drawn smaller by √d_kv instead.
  if (name.find("SelfAttention.q.") != std::string::npos) {
    weight.div_(std::sqrt(static_cast<double>(glyph_encoder_.d_kv)));
  }
}

Tensor DecoderStage::patch_ids(const Tensor& codes, int64_t grid_height, int64_t grid_width) const {
  const int64_t per_token =
      text::kPixelsPerToken / (vae_->config().scale_factor() * transformer_->config().patch_size);
  return models::repeat_over_patches(codes.view({-1, grid_height, grid_width}), per_token);
}

Tensor DecoderStage::latents_of(const Tensor& pictures) const {
  at::NoGradGuard no_grad;
  const auto input = pictures.to(device_).to(config_.working_type(),
                                             /*non_blocking=*/false,
                                             /*copy=*/false,
                                             at::MemoryFormat::ChannelsLast);
  return vae_->normalise(vae_->encode(input).mean.to(at::kFloat)).contiguous();
}

GlyphBatch DecoderStage::glyphs_of(const std::vector<std::vector<std::string>>& texts) const {
  return make_glyph_batch(*byte_tokenizer_, texts);
}

Batch DecoderStage::make_batch(int64_t step) {
  const auto& size = config_.size_at(step);
  std::vector<Image> images;
  std::vector<Tensor> patches, weights;
  std::vector<std::vector<std::string>> texts;
  auto random = make_random(mix_seed(config_.seed, kDropPurpose, step));
  const auto drop = at::rand({config_.batch}, random, at::TensorOptions(at::kFloat)) < drop_share_;
  for (int64_t i = 0; i < config_.batch; ++i) {
    auto example = feed_.example(step * config_.batch + i, size.width, size.height);
    const bool dropped = drop[i].item<bool>();
    texts.push_back(dropped ? std::vector<std::string>() : texts_of(example.scene));
    patches.push_back(codes_->patches(example.image));
    weights.push_back(text_weights(example, text_weight_, vae_->config().scale_factor()));
    images.push_back(std::move(example.image));
  }
  const auto glyphs = glyphs_of(texts);
  return {{"pictures", picture_batch(images)},
          {"patches", at::stack(patches)},
          {"weights", at::stack(weights)},
          {"drop", drop},
          {"glyph_ids", glyphs.ids},
          {"glyph_mask", glyphs.mask},
          {"glyph_gather", glyphs.gather},
          {"glyph_seen", glyphs.seen}};
}

models::TransformerInput DecoderStage::common_input(const Tensor& latents,
                                                    const Tensor& prior_ids) const {
  const auto batch = latents.size(0);
  const auto factor = static_cast<double>(vae_->config().scale_factor());
  models::TransformerInput input;
  input.latents = latents;
  input.prior_ids = prior_ids;
  input.target_size = torch::tensor({static_cast<double>(latents.size(2)) * factor,
                                     static_cast<double>(latents.size(3)) * factor})
                          .to(at::kFloat)
                          .expand({batch, 2})
                          .to(device_);
  input.crop = at::zeros({batch, 2}).to(device_);
  return input;
}

Outcome DecoderStage::forward(const Batch& batch, int64_t step) {
  const auto& pictures = batch.at("pictures");
  const int64_t rows = pictures.size(2) / text::kPixelsPerToken;
  const int64_t columns = pictures.size(3) / text::kPixelsPerToken;
  auto random = make_random(mix_seed(config_.seed, kNoisePurpose, step));
  const at::TensorOptions wide(at::kFloat);

  auto codes = codes_->encode(batch.at("patches"), rows, columns);
  const auto wrong = at::rand(codes.sizes(), random, wide) < code_noise_;
  const auto others =
      at::randint(codes_->codes(), codes.sizes(), random, at::TensorOptions(at::kLong));
  codes = at::where(wrong.to(device_), others.to(device_), codes);

  const auto repeat = [&](const Tensor& x) { return x.repeat_interleave(noises_per_picture_, 0); };
  const auto clean = repeat(latents_of(pictures));
  const int64_t examples = clean.size(0);
  const auto noise = at::randn(clean.sizes(), random, wide).to(device_);
  // Evenly spread over the batch, so that its mean loss varies less from step to step.
  const auto offsets = at::rand({examples}, random, wide);
  const auto t = ((at::arange(examples, wide) + offsets) / static_cast<double>(examples) *
                  static_cast<double>(flow_.num_train_timesteps - 1))
                     .add(1);
  const int64_t tokens = clean.size(2) * clean.size(3) /
                         (transformer_->config().patch_size * transformer_->config().patch_size);
  const double mu = diffusion::resolution_shift(flow_, tokens);
  const auto sigma =
      (mu / (mu + static_cast<double>(flow_.num_train_timesteps) / t - 1)).to(device_);

  GlyphBatch glyphs{batch.at("glyph_ids").to(device_),
                    batch.at("glyph_mask").to(device_),
                    batch.at("glyph_gather").to(device_),
                    batch.at("glyph_seen").to(device_)};
  auto input = common_input(diffusion::noised(clean, noise, sigma.view({-1, 1, 1, 1})),
                            repeat(patch_ids(codes, rows, columns)));
  input.glyphs = repeat(encode_glyphs(text_encoder_, glyphs));
  input.glyph_mask = repeat(glyphs.seen);
  input.prior_drop = repeat(batch.at("drop").to(device_));
  input.timestep = (t - 1).to(device_);

  const auto velocity = transformer_->forward(input).to(at::kFloat);
  const auto error = (velocity - (noise - clean)).square();
  const auto weights = repeat(batch.at("weights").to(device_));
  const auto loss = (error * weights).mean() / weights.mean();
  const auto by_example = error.detach().mean({1, 2, 3});
  const auto third = examples / 3;
  return {
      loss,
      {{"loss_little_noise", by_example.narrow(0, 0, std::max<int64_t>(third, 1)).mean()},
       {"loss_much_noise",
        by_example.narrow(0, examples - std::max<int64_t>(third, 1), std::max<int64_t>(third, 1))
            .mean()}}};
}

std::vector<Image> DecoderStage::draw(const Tensor& codes,
                                      const text::Grid& grid,
                                      const std::vector<std::vector<std::string>>& texts) const {
  const int64_t cells = text::kPixelsPerToken / vae_->config().scale_factor();
  const int64_t batch = codes.size(0), rows = grid.height * cells, columns = grid.width * cells;
  const int64_t patch = transformer_->config().patch_size;
  const auto schedule =
      diffusion::make_schedule(flow_, sample_steps_, rows * columns / (patch * patch));
  auto random = make_random(config_.seed);
  auto latents = at::randn({batch, transformer_->config().in_channels, rows, columns},
                           random,
                           at::TensorOptions(at::kFloat))
                     .to(device_);
  const auto move = [&](GlyphBatch glyphs) {
    for (auto* tensor : {&glyphs.ids, &glyphs.mask, &glyphs.gather, &glyphs.seen}) {
      *tensor = tensor->to(device_);
    }
    return glyphs;
  };
  const auto spelled = move(glyphs_of(texts));
  const auto silent = move(glyphs_of(std::vector<std::vector<std::string>>(batch)));
  const auto spelled_tokens = encode_glyphs(text_encoder_, spelled);
  const auto silent_tokens = encode_glyphs(text_encoder_, silent);
  const auto prior_ids = patch_ids(codes, grid.height, grid.width);
  for (int64_t i = 0; i < sample_steps_; ++i) {
    auto input = common_input(latents, prior_ids);
    input.timestep = at::full({batch}, schedule.timesteps[i], at::kFloat).to(device_);
    const auto velocity = [&](const Tensor& tokens, const Tensor& seen, bool drop) {
      input.glyphs = tokens;
      input.glyph_mask = seen;
      input.prior_drop = at::full({batch}, drop, at::kBool).to(device_);
      return transformer_->forward(input).to(at::kFloat);
    };
    auto guided = velocity(spelled_tokens, spelled.seen, false);
    if (guidance_ != 1) {
      guided = diffusion::guide(guided, velocity(silent_tokens, silent.seen, true), guidance_);
    }
    latents = diffusion::euler_step(latents, guided, schedule, i);
  }
  std::vector<Image> images;
  for (int64_t i = 0; i < batch; ++i) {
    const auto latent = vae_->denormalise(latents.narrow(0, i, 1)).to(config_.working_type());
    images.push_back(
        picture_of(vae_->decode(latent.contiguous(at::MemoryFormat::ChannelsLast))[0]));
  }
  return images;
}

Image DecoderStage::sample_sheet() {
  auto feed = feed_.another();
  std::vector<std::vector<Image>> rows;
  for (int64_t row = 0; row < 3; ++row) {
    std::vector<Image> originals;
    std::vector<Tensor> patches;
    std::vector<std::vector<std::string>> texts;
    for (int64_t i = 0; i < 6; ++i) {
      auto example = feed.example(row * 6 + i, 256, 256, posters::Split::kEvaluation);
      patches.push_back(codes_->patches(example.image));
      texts.push_back(texts_of(example.scene));
      originals.push_back(std::move(example.image));
    }
    const auto grid = text::target_grid(256, 256);
    rows.push_back(std::move(originals));
    rows.push_back(draw(codes_->encode(at::stack(patches), grid.height, grid.width), grid, texts));
  }
  return image::contact_sheet(rows);
}

void DecoderStage::write_components(const std::filesystem::path& folder) {
  write_component(folder / "transformer",
                  io::read_json_file(config_.model / "transformer" / "config.json"),
                  *transformer_,
                  "diffusion_pytorch_model.safetensors");
  write_component(folder / "text_encoder",
                  io::read_json_file(config_.model / "text_encoder" / "config.json"),
                  *text_encoder_,
                  "model.safetensors");
}

}  // namespace glm_image::train
