// What attention of 8-bit integers costs a DiT, compared with what weights of 8 bits cost.

#include <cstring>

#include "core/cpu_level.h"
#include "models/transformer/picture_input.h"
#include "models/transformer/transformer_model.h"
#include "nn/modules.h"
#include "nn/parameter.h"
#include "support/test_support.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::test {
namespace {

models::TransformerConfig config() {
  models::TransformerConfig config;
  config.num_layers = 3;
  config.num_attention_heads = 4;
  config.attention_head_dim = 64;
  config.in_channels = config.out_channels = 16;
  config.patch_size = 2;
  config.text_embed_dim = 32;
  config.time_embed_dim = 64;
  config.condition_dim = 16;
  config.prior_vq_quantizer_codebook_size = 64;
  config.sample_size = 32;
  return config;
}

/// A weight in 8 bits with one scale for each output.
std::shared_ptr<const nn::QuantisedMatrix> in_8_bits(const Tensor& weight) {
  const auto wide = weight.to(at::kFloat);
  const auto scales = (wide.abs().amax(1, /*keepdim=*/true) / 127).to(at::kBFloat16);
  const auto integers = (wide / scales.to(at::kFloat)).round().clamp(-127, 127).to(at::kChar);
  const int64_t in = weight.size(1);
  return std::make_shared<nn::QuantisedMatrix>(
      nn::QuantisedForm{weight.size(0), in, 8, in, at::kBFloat16},
      [&](int64_t first, int64_t rows, int8_t* values) {
        std::memcpy(
            values, integers.data_ptr<int8_t>() + first * in, static_cast<size_t>(rows * in));
      },
      scales);
}

class QuantisedAttentionOfDit : public testing::Test {
 protected:
  void SetUp() override {
    if (level_ != CpuLevel::kAvx512Vnni && level_ != CpuLevel::kAvx512Bf16) {
      GTEST_SKIP() << "the CPU has no attention of 8-bit integers, or a faster one";
    }
    at::manual_seed(11);
    nn::materialize(*model_);
    for (auto& parameter : model_->parameters()) {
      parameter.normal_(0, 1 / std::sqrt(static_cast<double>(parameter.size(-1))));
    }
    input_ = models::picture_input(
        at::randn({1, 16, 40, 36}), at::randint(0, 64, {1, 20 * 18}, at::kLong), 320, 288);
    input_.glyphs = at::randn({1, 7, 32});
    input_.prior_drop = at::zeros({1}, at::kBool);
    input_.timestep = at::full({1}, 300.0F);
  }

  void quantise_blocks() {
    for (const auto& [name, layer] : nn::linear_layers(*model_)) {
      if (name.rfind("transformer_blocks.", 0) == 0) layer->quantised = in_8_bits(layer->weight);
    }
  }
  Tensor at_level(CpuLevel level) {
    limit_cpu(level);
    const auto output = model_->forward(input_);
    limit_cpu(level_);
    return output;
  }

  const CpuLevel level_ = cpu_level();
  const torch::NoGradGuard no_grad_;
  models::GlmImageTransformer2DModel model_{config(), at::TensorOptions(at::kBFloat16)};
  models::TransformerInput input_;
};

/// AVX2 has no attention of integers; its products of quantised weights have the same bits.
TEST_F(QuantisedAttentionOfDit, CostsLessThanTheWeights) {
  const auto exact = at_level(CpuLevel::kAvx2);
  quantise_blocks();
  const auto weights = at_level(CpuLevel::kAvx2);
  const auto both = model_->forward(input_);
  const double of_weights = relative_error(weights, exact);
  EXPECT_LT(relative_error(both, weights), of_weights);
  EXPECT_LT(relative_error(both, exact), 1.4 * of_weights);
}

TEST_F(QuantisedAttentionOfDit, FollowsTheWeights) {
  const auto plain = model_->forward(input_);
  quantise_blocks();
  const auto quantised = model_->forward(input_);
  EXPECT_FALSE(at::equal(quantised, plain));
  for (const auto& [name, layer] : nn::linear_layers(*model_)) layer->quantised = nullptr;
  EXPECT_TRUE(at::equal(model_->forward(input_), plain)) << "as before";
}

}  // namespace
}  // namespace glm_image::test

#endif
