// Measures the training objectives at nano's sizes, in bfloat16: forward and backward of
// FlowMatching and TokenPrediction (train/objectives), as the stages call them, without data,
// optimizer and auxiliary losses. Prints samples/s, GFLOP/s as a fraction of a large matrix product
// measured in the same run, and the time by operator.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/text_format.h"
#include "support/limits.h"
#include "support/machine.h"
#include "support/operator_times.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/token_prediction.h"

namespace {

using namespace glm_image;

constexpr int kRounds = 5;
constexpr int kOperatorsShown = 14;

/// A backward pass has two products for each product of the forward pass.
constexpr double kForwardAndBackward = 3;

struct Workload {
  std::string name;
  int64_t samples;  ///< per step
  double flop;      ///< of a forward pass, matrix products only, including attention's
  std::function<Tensor()> loss;
  std::vector<torch::nn::Module*> modules;
};

/// The config of a component of nano.
io::JsonFields nano_config(const char* component) {
  return io::JsonFields::load(std::filesystem::path(GLM_IMAGE_NANO_CONFIGS) / component /
                              "config.json");
}

void prepare(torch::nn::Module& module, at::Device device) {
  bench::randomise(module, device);
  for (auto& parameter : module.parameters()) parameter.requires_grad_(true);
}

void step(const Workload& work) {
  for (auto* module : work.modules) module->zero_grad(/*set_to_none=*/true);
  const auto loss = work.loss();
  loss.backward();
  bench::wait_for(loss);
}

/// `limit` is the matrix product's rate before the run; on return, it is the rate after the run.
/// The speed of a shared machine drifts, so the limit is measured on both sides.
void run(const Workload& work, bench::MatmulRate& limit, at::Device device) {
  std::printf("%s\n", work.name.c_str());
  const double seconds = bench::median_seconds(kRounds, [&] { step(work); });
  const auto after = bench::measure_matmul(at::kBFloat16, device);
  const double gflop = 1e-9 * kForwardAndBackward * work.flop;
  const double peak = 1e3 * (limit.limit() + after.limit()) / 2;
  std::printf(
      "  %.1f samples/s, %.0f GFLOP/s, fraction of peak %.2f (matrix product before %.0f, after "
      "%.0f GFLOP/s)\n",
      static_cast<double>(work.samples) / seconds,
      gflop / seconds,
      gflop / seconds / peak,
      1e3 * limit.limit(),
      1e3 * after.limit());
  limit = after;

  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  {
    const bench::OperatorTimes times;
    step(work);
  }
  bench::OperatorTimes::print(std::chrono::duration<double>(Clock::now() - begin).count(),
                              kOperatorsShown);
}

double transformer_flop(const models::TransformerConfig& config,
                        int64_t image_tokens,
                        int64_t text_tokens) {
  const auto c = static_cast<double>(config.hidden_size());
  const auto patch =
      static_cast<double>(config.in_channels * config.patch_size * config.patch_size);
  const auto blocks = static_cast<double>(config.num_layers);
  const auto temb = static_cast<double>(config.time_embed_dim);
  const auto glyphs = static_cast<double>(config.text_embed_dim);
  const auto image = static_cast<double>(image_tokens), text = static_cast<double>(text_tokens);
  const double tokens = image + text;
  return blocks * (2 * tokens * 12 * c * c + 4 * tokens * tokens * c + 2 * temb * 12 * c) +
         2 * image * (2 * patch * c + 2 * c * c) + 2 * text * (glyphs * c + c * c);
}

double glyph_encoder_flop(const models::T5Config& config, int64_t text_tokens) {
  const auto d = static_cast<double>(config.d_model), ff = static_cast<double>(config.d_ff);
  const auto inner = static_cast<double>(config.num_heads * config.d_kv);
  const auto text = static_cast<double>(text_tokens);
  return static_cast<double>(config.num_layers) *
         (2 * text * (4 * d * inner + 3 * d * ff) + 4 * text * text * inner);
}

/// Pictures of side×side latent patches, at two noise levels each.
void measure_flow_matching(int64_t side,
                           int64_t pictures,
                           bench::MatmulRate& limit,
                           at::Device device) {
  constexpr int64_t kText = 24, kRepeats = 2, kPatchSide = 16;
  const auto config = models::TransformerConfig::from_json(nano_config("transformer"));
  const auto glyph_config = models::T5Config::from_json(nano_config("text_encoder"));
  const auto options = at::TensorOptions().dtype(at::kBFloat16).device(device);
  models::GlmImageTransformer2DModel transformer(config, options);
  models::T5EncoderModel glyph_encoder(glyph_config, options);
  prepare(*transformer, device);
  prepare(*glyph_encoder, device);

  const int64_t examples = kRepeats * pictures, cells = config.patch_size * side;
  // Random numbers are made on the CPU, because a plugin's device may have no generator.
  train::FlowMatchingBatch batch;
  batch.clean = at::randn({examples, config.in_channels, cells, cells}).to(device);
  batch.noise = at::randn(batch.clean.sizes()).to(device);
  batch.sigma = at::rand({examples}).to(device);
  batch.timestep = 999 * batch.sigma;
  batch.prior_ids =
      at::randint(config.prior_vq_quantizer_codebook_size, {examples, side * side}, at::kLong)
          .to(device);
  batch.drop = at::zeros({examples}, at::kBool).to(device);
  batch.sizes = at::full({examples, 2}, kPatchSide * side, at::kFloat).to(device);
  batch.crop = at::zeros({examples, 2}, at::kFloat).to(device);
  // Half of the pictures have a text of half the length.
  auto seen = at::ones({pictures, kText}, at::kBool);
  seen.narrow(1, kText / 2, kText / 2).narrow(0, 0, pictures / 2).fill_(false);
  batch.glyphs = train::GlyphBatch{at::randint(3, 250, {pictures, kText}, at::kLong),
                                   seen,
                                   at::arange(pictures * kText).view({pictures, kText}),
                                   seen}
                     .to(device);

  const train::FlowMatching objective(transformer, glyph_encoder);
  run({concat("FlowMatching, ",
              config.num_layers,
              " blocks of width ",
              config.hidden_size(),
              ", ",
              kText,
              " + ",
              side * side,
              " tokens, batch ",
              examples),
       examples,
       static_cast<double>(examples) * transformer_flop(config, side * side, kText) +
           static_cast<double>(pictures) * glyph_encoder_flop(glyph_config, kText),
       [&] { return objective.loss(batch).loss; },
       {transformer.get(), glyph_encoder.get()}},
      limit,
      device);
}

double generator_flop(const models::GeneratorConfig& config, int64_t tokens, int64_t targets) {
  const auto c = static_cast<double>(config.hidden_size);
  const auto inner = static_cast<double>(config.num_attention_heads * config.head_dim);
  const auto of_keys = static_cast<double>(config.num_key_value_heads * config.head_dim);
  const auto mlp = static_cast<double>(config.intermediate_size);
  const auto length = static_cast<double>(tokens);
  // q and out, k and v, gate, up and down; half of the scores are masked but counted, as is usual.
  const double per_token = 2 * (2 * c * inner + 2 * c * of_keys + 3 * c * mlp);
  return static_cast<double>(config.num_hidden_layers) *
             (length * per_token + 4 * length * length * inner) +
         static_cast<double>(targets) * 2 * c * static_cast<double>(config.vision_vocab_size);
}

void measure_token_prediction(bench::MatmulRate& limit, at::Device device) {
  // A picture of 256×256 pixels: the codes of its preview and its own.
  constexpr int64_t kPrompt = 60, kCodes = 256 + 64, kBatch = 16;
  constexpr int64_t kTokens = kPrompt + kCodes, kTargets = kCodes + 1;  // and the end marker
  const auto config =
      models::VisionLanguageConfig::from_json(nano_config("vision_language_encoder"));
  models::GlmImageForConditionalGeneration model(
      config, at::TensorOptions().dtype(at::kBFloat16).device(device));
  prepare(*model, device);

  train::TokenPredictionBatch batch;
  batch.ids = at::randint(config.text.vocab_size, {kBatch, kTokens}, at::kLong).to(device);
  batch.positions = at::arange(kTokens).expand({3, kBatch, kTokens}).to(device);
  batch.slots = at::arange(kPrompt - 1, kTokens).expand({kBatch, kTargets}).to(device);
  batch.targets =
      at::randint(config.text.vision_vocab_size, {kBatch, kTargets}, at::kLong).to(device);

  const train::TokenPrediction objective(model);
  run({concat("TokenPrediction, ",
              config.text.num_hidden_layers,
              " layers of width ",
              config.text.hidden_size,
              ", ",
              kTokens,
              " tokens, batch ",
              kBatch),
       kBatch,
       static_cast<double>(kBatch) * generator_flop(config.text, kTokens, kTargets),
       [&] { return objective.loss(batch).loss; },
       {model.get()}},
      limit,
      device);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  bench::print_machine("bench_train", arguments, at::kBFloat16);
  auto limit = bench::measure_matmul(at::kBFloat16, arguments.device);
  measure_flow_matching(16, 16, limit, arguments.device);
  measure_flow_matching(32, 4, limit, arguments.device);
  measure_token_prediction(limit, arguments.device);
  return 0;
}
