// Forward and backward, nothing else, of the sizes that the small model is trained at, in bfloat16:
// samples/s, GFLOP/s as a fraction of a large matrix product measured in the same run, and the
// operators that the time goes to.

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "core/text_format.h"
#include "models/generator/language_model.h"
#include "models/transformer/transformer_model.h"
#include "support/limits.h"
#include "support/machine.h"
#include "support/operator_times.h"

namespace {

using namespace glm_image;

constexpr int kRounds = 5;
constexpr int kOperatorsShown = 14;

/// A backward pass makes two products for each of the forward pass.
constexpr double kForwardAndBackward = 3;

struct Workload {
  std::string name;
  int64_t samples;  ///< a step
  double gflop;     ///< a step, matrix products only, attention's included
  std::function<Tensor()> loss;
  torch::nn::Module* module;
};

void prepare(torch::nn::Module& module, at::Device device) {
  bench::randomise(module, device);
  for (auto& parameter : module.parameters()) parameter.requires_grad_(true);
}

void step(const Workload& work) {
  work.module->zero_grad(/*set_to_none=*/true);
  const auto loss = work.loss();
  loss.backward();
  bench::wait_for(loss);
}

/// `limit` is the matrix product's rate before, and after it on return: the speed of a shared
/// machine drifts, so every measurement stands between two of the limit.
void run(const Workload& work, bench::MatmulRate& limit, at::Device device) {
  std::printf("%s\n", work.name.c_str());
  const double seconds = bench::median_seconds(kRounds, [&] { step(work); });
  const auto after = bench::measure_matmul(at::kBFloat16, device);
  const double peak = 1e3 * (limit.limit() + after.limit()) / 2;
  std::printf(
      "  %.1f samples/s, %.0f GFLOP/s, fraction of peak %.2f (matrix product before %.0f, after "
      "%.0f GFLOP/s)\n",
      static_cast<double>(work.samples) / seconds,
      work.gflop / seconds,
      work.gflop / seconds / peak,
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

void train_decoder(int64_t side, int64_t batch, bench::MatmulRate& limit, at::Device device) {
  constexpr int64_t kText = 24, kTextDim = 256, kBlocks = 8;
  models::TransformerConfig config;
  config.num_layers = kBlocks;
  config.num_attention_heads = 8;
  config.attention_head_dim = 32;
  config.in_channels = config.out_channels = 16;
  config.patch_size = 2;
  config.text_embed_dim = kTextDim;
  config.time_embed_dim = 128;
  config.condition_dim = 64;
  config.prior_vq_quantizer_codebook_size = 1024;
  config.sample_size = 2 * side;
  models::GlmImageTransformer2DModel model(config,
                                           at::TensorOptions().dtype(at::kBFloat16).device(device));
  prepare(*model, device);

  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  models::TransformerInput input;
  // Random numbers come from the CPU: a plugin's device may have no generator.
  input.latents = at::randn({batch, 16, 2 * side, 2 * side}).to(device);
  input.glyphs = at::randn({batch, kText, kTextDim}).to(device);
  input.glyph_mask = at::ones({batch, kText}, options.dtype(at::kBool));
  input.glyph_mask.narrow(1, kText / 2, kText / 2).narrow(0, 0, batch / 2).fill_(false);
  input.prior_ids = at::randint(1024, {batch, side * side}, at::kLong).to(device);
  input.prior_drop = at::zeros({batch}, options.dtype(at::kBool));
  input.timestep = at::full({batch}, 500, options);
  input.target_size = at::full({batch, 2}, static_cast<double>(16 * side), options);
  input.crop = at::zeros({batch, 2}, options);
  const auto velocity = at::randn(input.latents.sizes()).to(device);

  const double c = static_cast<double>(config.hidden_size()), patch = 64;
  const double image = static_cast<double>(side * side), text = kText, tokens = image + text;
  const double forward =
      kBlocks * (2 * tokens * 12 * c * c + 4 * tokens * tokens * c + 2 * 128 * 12 * c) +
      2 * image * (2 * patch * c + 2 * c * c) + 2 * text * (kTextDim * c + c * c);
  run({concat("DiT, ",
              kBlocks,
              " blocks of width 256, ",
              kText,
              " + ",
              side * side,
              " tokens, batch ",
              batch),
       batch,
       1e-9 * kForwardAndBackward * static_cast<double>(batch) * forward,
       [&] { return (model->forward(input).to(at::kFloat) - velocity).square().mean(); },
       model.get()},
      limit,
      device);
}

struct GeneratorImpl : torch::nn::Module {
  GeneratorImpl(const models::GeneratorConfig& config, const at::TensorOptions& options) {
    model = register_module("model", models::GlmImageTextModel(config, options));
    head = register_module(
        "head",
        nn::Linear(config.hidden_size, config.vision_vocab_size, options, /*with_bias=*/false));
  }
  models::GlmImageTextModel model{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Generator);

void train_generator(bench::MatmulRate& limit, at::Device device) {
  constexpr int64_t kTokens = 380, kBatch = 16, kVocabulary = 1100;
  models::GeneratorConfig config;
  config.vocab_size = 2 * kVocabulary;
  config.vision_vocab_size = kVocabulary;
  config.hidden_size = 256;
  config.intermediate_size = 768;
  config.num_hidden_layers = 6;
  config.num_attention_heads = 8;
  config.num_key_value_heads = 2;
  config.head_dim = 32;
  config.max_position_embeddings = 4096;
  config.attention_bias = true;
  config.rms_norm_eps = 1.5625e-7;
  config.rope_theta = 10000;
  config.rotary_dim = 16;
  config.mrope_section = {2, 3, 3};
  Generator generator(config, at::TensorOptions().dtype(at::kBFloat16).device(device));
  prepare(*generator, device);

  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const auto ids = at::randint(kVocabulary, {kBatch, kTokens}, at::kLong).to(device);
  const auto positions = at::arange(kTokens, options).expand({3, kBatch, kTokens});
  const auto targets = at::randint(kVocabulary, {kBatch * kTokens}, at::kLong).to(device);

  const double c = 256, tokens = kTokens;
  // q and out, k and v of a quarter of the heads, gate, up and down; half of the scores are masked
  // but counted, as is usual.
  const double per_token = 6 * 2 * (2 * c * c + 2 * c * c / 4 + 3 * c * 768) + 2 * c * kVocabulary;
  const double forward = tokens * per_token + 6 * 4 * tokens * tokens * c;
  run({concat("Generator, 6 layers of width 256, ", kTokens, " tokens, batch ", kBatch),
       kBatch,
       1e-9 * kForwardAndBackward * kBatch * forward,
       [&] {
         const auto hidden = generator->model->forward(ids, positions, nullptr);
         const auto logits = generator->head->forward(hidden).to(at::kFloat);
         return at::cross_entropy_loss(logits.flatten(0, 1), targets);
       },
       generator.get()},
      limit,
      device);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  bench::print_machine("bench_train", arguments, at::kBFloat16);
  auto limit = bench::measure_matmul(at::kBFloat16, arguments.device);
  train_decoder(16, 32, limit, arguments.device);
  train_decoder(32, 8, limit, arguments.device);
  train_generator(limit, arguments.device);
  return 0;
}
