#include "train/decoder_stage.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "image/contact_sheet.h"
#include "models/transformer/patches.h"
#include "train/bands.h"
#include "train/code_latents.h"
#include "train/component_files.h"
#include "train/initialise_decoder.h"
#include "train/line_noise.h"
#include "train/picture_batch.h"
#include "train/sample_rows.h"
#include "train/seeds.h"
#include "train/stratified_uniform.h"
#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kNoisePurpose = 301, kDropPurpose = 302, kBandPurpose = 303, kCodesPurpose = 304;

}  // namespace

DecoderStage::DecoderStage(const TrainingConfig& config, const at::Device& device)
    : PosterStage(config, device) {
  const auto fields = config.fields.required_object("decoder");
  drop_share_ = fields.optional_double("drop_share", 0.1, 0, 1);
  code_noise_ = {fields.optional_double("code_noise", 0.02, 0, 1),
                 fields.optional_double("swapped_codes", 0, 0, 1)};
  item_weights_ = {fields.optional_double("text_weight", 2, 1, 100),
                   fields.optional_double("pictogram_weight", 2, 1, 100),
                   fields.optional_double("marked_letter_weight", 0, 0, 100)};
  letter_weight_ = fields.optional_double("letter_weight", 0.1, 0, 100);
  position_weight_ = fields.optional_double("position_weight", 0.1, 0, 100);
  scene_codes_share_ = fields.optional_double("scene_codes", 0, 0, 1);
  miscounted_lines_ = fields.optional_double("miscounted_lines", 0, 0, 1);
  embed_posters_ = fields.optional_int64("embed_posters", 0, 0, 1000000);
  band_share_ = fields.optional_double("band_share", 0, 0, 1);
  band_height_ = fields.optional_int64("band_height", 96, text::kPixelsPerToken, 4096);
  if (band_height_ % text::kPixelsPerToken != 0) fields.refuse("band_height", "a multiple of 32");
  band_texts_ = fields.optional_double("band_texts", 0, 0, 1);
  noises_per_band_ = fields.optional_int64("noises_per_band", 4, 1, 64);
  guidance_ = fields.optional_double("sample_guidance", 1.5, 1, 100);
  noises_per_picture_ = fields.optional_int64("noises_per_picture", 2, 1, 64);
  noise_power_ = fields.optional_double("noise_power", 1, 0.1, 10);
  sample_steps_ = fields.optional_int64("sample_steps", 20, 1, 1000);
  flow_ = diffusion::FlowMatchConfig::from_json(
      io::JsonFields::load(config.model / "scheduler" / "scheduler_config.json"));
  byte_tokenizer_ = text::ByteTokenizer::load(config.model / "tokenizer" / "tokenizer_config.json");
  codes_.emplace(config.folder("tokenizer") / "vision_language_encoder",
                 pipeline::ImageSettings::load(config.model / "processor"),
                 device,
                 config.working_type());
  if (scene_codes_share_ > 0) {
    scene_codes_.emplace(
        config.folder("tokenizer"), *codes_, feed_.source(), device, config.working_type());
  }

  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  // Always float32, as in inference: half precision overflows with the published weights.
  const auto vae_folder = config.folder("vae") / "vae";
  vae_ = models::AutoencoderKL(
      models::AutoencoderConfig::from_json(io::JsonFields::load(vae_folder / "config.json")),
      options.dtype(at::kFloat));
  load_component(vae_folder, *vae_, device, at::kFloat);
  transformer_ = models::GlmImageTransformer2DModel(
      models::TransformerConfig::from_json(
          io::JsonFields::load(config.model / "transformer" / "config.json")),
      options);
  glyph_encoder_ = models::T5Config::from_json(
      io::JsonFields::load(config.model / "text_encoder" / "config.json"));
  text_encoder_ = models::T5EncoderModel(glyph_encoder_, options);
  letter_reader_ =
      LetterReader(transformer_->config().hidden_size(), glyph_encoder_.d_model, options);
  position_reader_ = PositionReader(transformer_->config().hidden_size(), options);
}

std::vector<TrainedModule> DecoderStage::modules() {
  return {{"transformer", transformer_.get(), {}, "transformer"},
          {"text_encoder", text_encoder_.get(), {}, "text_encoder"},
          {"letter_reader", letter_reader_.get()},
          {"position_reader", position_reader_.get()}};
}

void DecoderStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_decoder_weight(name, glyph_encoder_.d_kv, weight, random);
  if (embed_posters_ > 0 && name == "transformer.prior_token_embedding.weight") {
    auto feed = feed_.another();
    const auto size_of = [this](int64_t poster) { return config_.size_at(poster); };
    const auto latents_of_poster = [this](const PosterExample& example) {
      return latents_of(picture_batch({example.image}));
    };
    weight.copy_(embedding_of_codes(
        {mean_under_codes(feed, *codes_, latents_of_poster, embed_posters_, size_of),
         log_contents_under_codes(feed, *codes_, embed_posters_, size_of)},
        weight.size(1)));
  }
}

int64_t DecoderStage::patch_side() const {
  return vae_->config().scale_factor() * transformer_->config().patch_size;
}

Tensor DecoderStage::patch_ids(const Tensor& codes, int64_t grid_height, int64_t grid_width) const {
  return models::repeat_over_patches(codes.reshape({-1, grid_height, grid_width}),
                                     text::kPixelsPerToken / patch_side());
}

Tensor DecoderStage::latents_of(const Tensor& pictures) const {
  at::NoGradGuard no_grad;
  const auto input = pictures.to(device_).contiguous(at::MemoryFormat::ChannelsLast);
  return vae_->normalise(vae_->encode(input).mean).contiguous();
}

GlyphBatch DecoderStage::glyphs_of(const std::vector<std::vector<std::string>>& texts) const {
  return make_glyph_batch(*byte_tokenizer_, texts);
}

Batch DecoderStage::make_batch(int64_t step, PosterFeed& feed) const {
  const auto& size = config_.size_at(step);
  std::vector<Image> images;
  std::vector<Tensor> patches, weights, letters, kinds, scene_codes;
  std::vector<int64_t> tops;
  std::vector<std::vector<posters::TextItem>> items;
  std::vector<std::vector<std::string>> texts;
  auto random = make_random(mix_seed(config_.seed, kDropPurpose, step));
  const at::TensorOptions wide(at::kFloat);
  const auto drop = at::rand({config_.batch}, random, wide) < drop_share_;
  auto band_random = make_random(mix_seed(config_.seed, kBandPurpose, step));
  auto code_random = make_random(mix_seed(config_.seed, kCodesPurpose, step));
  const auto of_scene = at::rand({config_.batch}, code_random, wide) < scene_codes_share_;
  const auto miscounted = at::rand({config_.batch}, code_random, wide) < miscounted_lines_;
  const bool bands = at::rand({}, band_random, wide).item<double>() < band_share_;
  const int64_t rows = bands ? std::min(band_height_, size.height) / text::kPixelsPerToken
                             : size.height / text::kPixelsPerToken;
  for (int64_t i = 0; i < config_.batch; ++i) {
    auto example = feed.example(config_.example_at(step, i), size.width, size.height);
    tops.push_back(band_top(example, rows, band_texts_, band_random));
    patches.push_back(codes_->patches(example.image));
    weights.push_back(cell_weights(example, item_weights_, vae_->config().scale_factor()));
    letters.push_back(letters_of_patches(example, *byte_tokenizer_, patch_side()));
    const auto grid = text::target_grid(size.height, size.width);
    const bool from_teacher = of_scene[i].item<bool>();
    // From here on the layout tells of the codes alone.
    if (from_teacher && miscounted[i].item<bool>()) {
      example.layout = with_miscounted_line(std::move(example.layout), size.width, code_random);
    }
    kinds.push_back(token_kinds(feed.source(), example.scene, example.layout, grid));
    scene_codes.push_back(from_teacher
                              ? scene_codes_->encode(feed.renderer(), example, kinds.back(), grid)
                              : at::full_like(kinds.back(), -1));
    const bool dropped = drop[i].item<bool>();
    if (dropped) letters.back().fill_(-1);
    items.push_back(dropped ? std::vector<posters::TextItem>() : std::move(example.scene.texts));
    texts.push_back(texts_of(items.back()));
    images.push_back(std::move(example.image));
  }
  const auto glyphs = glyphs_of(texts);
  std::vector<Tensor> glyph_places;
  glyph_places.reserve(items.size());
  for (const auto& of_picture : items) {
    glyph_places.push_back(places_of_glyphs(of_picture, *byte_tokenizer_, glyphs.seen.size(1)));
  }
  return {{"pictures", picture_batch(images)},
          {"patches", at::stack(patches)},
          {"weights", at::stack(weights)},
          {"letters", at::stack(letters)},
          {"kinds", at::stack(kinds)},
          {"scene_codes", at::stack(scene_codes)},
          {"tops", torch::tensor(tops)},
          {"rows", torch::tensor(rows)},
          {"drop", drop},
          {"glyph_places", at::stack(glyph_places)},
          {"glyph_ids", glyphs.ids},
          {"glyph_mask", glyphs.mask},
          {"glyph_gather", glyphs.gather},
          {"glyph_seen", glyphs.seen}};
}

models::TransformerInput DecoderStage::common_input(const Tensor& latents,
                                                    const Tensor& prior_ids,
                                                    int64_t height,
                                                    int64_t width) const {
  const auto batch = latents.size(0);
  models::TransformerInput input;
  input.latents = latents;
  input.prior_ids = prior_ids;
  input.target_size = torch::tensor({static_cast<double>(height), static_cast<double>(width)})
                          .to(at::kFloat)
                          .expand({batch, 2})
                          .to(device_);
  input.crop = at::zeros({batch, 2}).to(device_);
  return input;
}

Outcome DecoderStage::forward(const Batch& batch, int64_t step) {
  const auto& pictures = batch.at("pictures");
  const int64_t height = pictures.size(2), width = pictures.size(3);
  const int64_t all_rows = height / text::kPixelsPerToken, columns = width / text::kPixelsPerToken;
  const auto& tops = batch.at("tops");
  const auto rows = batch.at("rows").item<int64_t>();
  auto random = make_random(mix_seed(config_.seed, kNoisePurpose, step));

  auto codes = codes_->encode(batch.at("patches"), all_rows, columns);
  const auto scene_codes = batch.at("scene_codes").to(device_);
  codes = at::where(scene_codes >= 0, scene_codes, codes);
  codes = disturb_codes(codes, batch.at("kinds"), codes_->codes(), code_noise_, random);
  codes = cut_bands(codes.view({-1, all_rows, columns}), tops, rows, 1);

  const int64_t noises = rows < all_rows ? noises_per_band_ : noises_per_picture_;
  // All pictures, then all again.
  const auto repeat = [&](const Tensor& x) {
    std::vector<int64_t> times(x.dim(), 1);
    times[0] = noises;
    return x.repeat(times);
  };
  const int64_t cell = vae_->config().scale_factor(), cells = text::kPixelsPerToken / cell;
  const auto clean = repeat(cut_bands(latents_of(pictures), tops, rows, cells));
  const int64_t examples = clean.size(0);
  const at::TensorOptions wide(at::kFloat);
  const auto noise = at::randn(clean.sizes(), random, wide).to(device_);
  const auto levels = stratified_uniform(examples / noises, noises, random);
  const auto t = (1 - (1 - levels).pow(noise_power_))
                     .mul(static_cast<double>(flow_.num_train_timesteps - 1))
                     .add(1);
  // A band is as noisy as the picture that it is cut from.
  const double mu =
      diffusion::resolution_shift(flow_, height * width / (patch_side() * patch_side()));
  const auto sigma =
      (mu / (mu + static_cast<double>(flow_.num_train_timesteps) / t - 1)).to(device_);

  GlyphBatch glyphs{batch.at("glyph_ids").to(device_),
                    batch.at("glyph_mask").to(device_),
                    batch.at("glyph_gather").to(device_),
                    batch.at("glyph_seen").to(device_)};
  auto input = common_input(diffusion::noised(clean, noise, sigma.view({-1, 1, 1, 1})),
                            repeat(patch_ids(codes, rows, columns)),
                            height,
                            width);
  input.crop = repeat(at::stack({tops * text::kPixelsPerToken, at::zeros_like(tops)}, 1))
                   .to(at::kFloat)
                   .to(device_);
  input.glyphs = repeat(encode_glyphs(text_encoder_, glyphs));
  input.glyph_mask = repeat(glyphs.seen);
  input.prior_drop = repeat(batch.at("drop").to(device_));
  input.timestep = (t - 1).to(device_);
  std::vector<Tensor> blocks;
  input.block_outputs = &blocks;

  const auto velocity = transformer_->forward(input).to(at::kFloat);
  const auto error = (velocity - (noise - clean)).square();
  const auto weights = repeat(cut_bands(batch.at("weights"), tops, rows, cells)).to(device_);
  const auto loss = (error * weights).mean() / weights.mean();
  const auto of_patches = [&](const char* name) {
    const auto cut = cut_bands(batch.at(name), tops, rows, text::kPixelsPerToken / patch_side());
    return repeat(cut.flatten(2)).to(device_);
  };
  const auto reading = letter_reader_->forward({blocks[blocks.size() / 3],
                                                blocks[2 * blocks.size() / 3],
                                                input.glyphs,
                                                input.glyph_mask,
                                                of_patches("letters"),
                                                repeat(batch.at("glyph_places").to(device_))});
  const text::Grid patches{rows * text::kPixelsPerToken / patch_side(), width / patch_side()};
  const auto image_tokens = [&](size_t block) {
    return blocks[block].narrow(1, input.glyphs.size(1), patches.size());
  };
  const auto places = position_reader_->forward(image_tokens((blocks.size() - 1) / 4), {patches});

  const auto by_example = error.detach().mean({1, 2, 3});
  const auto by_noise = levels.argsort().to(device_);
  const auto of_noise = [&](int64_t first, int64_t count) {
    return [=](const Tensor& x) { return x.index_select(0, by_noise.narrow(0, first, count)); };
  };
  const auto third = std::max<int64_t>(examples / 3, 1);
  const auto little = of_noise(0, third), much = of_noise(examples - third, third);
  // Sampling begins here. No letter is visible through the noise, so that a right answer comes from
  // the codes and texts alone.
  const auto most = of_noise(examples - 1, 1);
  const auto share = LetterReaderImpl::share_right;
  return {loss +
              letter_weight_ * (reading.pointing_loss + reading.spelling_loss +
                                reading.placing_loss + reading.counting_loss) +
              position_weight_ * places.loss,
          {{"loss_velocity", loss.detach()},
           {"rows_right", places.rows_right},
           {"columns_right", places.columns_right},
           {"loss_little_noise", little(by_example).mean()},
           {"loss_much_noise", much(by_example).mean()},
           {"letters_found", share(reading.pointing_right, reading.shown)},
           {"letters_read", share(reading.spelling_right, reading.shown)},
           {"letters_found_much_noise", share(much(reading.pointing_right), much(reading.shown))},
           {"letters_found_most_noise", share(most(reading.pointing_right), most(reading.shown))},
           {"letters_read_most_noise", share(most(reading.spelling_right), most(reading.shown))},
           {"letters_placed", share(reading.placing_right, reading.shown)},
           {"letters_placed_most_noise", share(most(reading.placing_right), most(reading.shown))},
           {"letters_counted", reading.counting_right}}};
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
    auto input = common_input(latents,
                              prior_ids,
                              rows * vae_->config().scale_factor(),
                              columns * vae_->config().scale_factor());
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
    const auto latent = vae_->denormalise(latents.narrow(0, i, 1));
    images.push_back(
        picture_of(vae_->decode(latent.contiguous(at::MemoryFormat::ChannelsLast))[0]));
  }
  return images;
}

Image DecoderStage::sample_sheet() {
  auto feed = feed_.another();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(config_.sizes, /*pictures=*/6)) {
    std::vector<Image> originals;
    std::vector<Tensor> patches;
    std::vector<std::vector<std::string>> texts;
    for (int64_t i = 0; i < row.pictures; ++i) {
      auto example =
          feed.example(row.first + i, row.width, row.height, posters::Split::kEvaluation);
      patches.push_back(codes_->patches(example.image));
      texts.push_back(texts_of(example.scene));
      originals.push_back(std::move(example.image));
    }
    const auto grid = text::target_grid(row.height, row.width);
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
