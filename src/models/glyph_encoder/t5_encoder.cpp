#include "models/glyph_encoder/t5_encoder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/config_limits.h"
#include "nn/functional.h"
#include "nn/group.h"

namespace glm_image::models {
namespace {

nn::Linear bare_linear(int64_t in, int64_t out, const at::TensorOptions& options) {
  return nn::Linear(in, out, options, /*with_bias=*/false);
}

/// Self-attention without scaling, plus the position bias; x += attention(norm(x)).
struct SelfAttentionLayerImpl : torch::nn::Module {
  SelfAttentionLayerImpl(const T5Config& config, bool holds_bias, const at::TensorOptions& options)
      : heads_(config.num_heads), dim_(config.d_kv) {
    const int64_t inner = heads_ * dim_;
    const auto attention = register_module("SelfAttention", nn::group());
    q_ = attention->register_module("q", bare_linear(config.d_model, inner, options));
    k_ = attention->register_module("k", bare_linear(config.d_model, inner, options));
    v_ = attention->register_module("v", bare_linear(config.d_model, inner, options));
    o_ = attention->register_module("o", bare_linear(inner, config.d_model, options));
    if (holds_bias) {
      bias_ = attention->register_module(
          "relative_attention_bias",
          nn::Embedding(config.relative_attention_num_buckets, heads_, options));
    }
    layer_norm_ = register_module("layer_norm",
                                  nn::RMSNorm(config.d_model, config.layer_norm_epsilon, options));
  }

  /// [1, H, T, T]
  Tensor position_bias(const Tensor& buckets) const {
    return bias_->forward(buckets).permute({2, 0, 1}).unsqueeze(0);
  }

  Tensor forward(const Tensor& x, const Tensor& position_bias, const Tensor& mask) const {
    const int64_t batch = x.size(0), tokens = x.size(1);
    const auto normed = layer_norm_->forward(x);
    const auto heads = [&](const nn::Linear& projection) {
      return projection->forward(normed).view({batch, tokens, heads_, dim_});
    };
    nn::AttentionOptions attention;
    attention.scale = 1.0;
    attention.bias = position_bias;
    attention.key_mask = mask;
    const auto mixed = nn::attention(heads(q_), heads(k_), heads(v_), attention);
    return x + o_->forward(mixed.reshape({batch, tokens, heads_ * dim_}));
  }

 private:
  int64_t heads_, dim_;
  nn::Linear q_{nullptr}, k_{nullptr}, v_{nullptr}, o_{nullptr};
  nn::Embedding bias_{nullptr};
  nn::RMSNorm layer_norm_{nullptr};
};
TORCH_MODULE(SelfAttentionLayer);

/// x += wo(gelu(wi_0(norm(x)))·wi_1(norm(x))).
struct FeedForwardLayerImpl : torch::nn::Module {
  FeedForwardLayerImpl(const T5Config& config, const at::TensorOptions& options) {
    const auto dense = register_module("DenseReluDense", nn::group());
    wi_0_ = dense->register_module("wi_0", bare_linear(config.d_model, config.d_ff, options));
    wi_1_ = dense->register_module("wi_1", bare_linear(config.d_model, config.d_ff, options));
    wo_ = dense->register_module("wo", bare_linear(config.d_ff, config.d_model, options));
    layer_norm_ = register_module("layer_norm",
                                  nn::RMSNorm(config.d_model, config.layer_norm_epsilon, options));
  }

  Tensor forward(const Tensor& x) const {
    const auto normed = layer_norm_->forward(x);
    return x + wo_->forward(nn::gelu_tanh(wi_0_->forward(normed)) * wi_1_->forward(normed));
  }

 private:
  nn::Linear wi_0_{nullptr}, wi_1_{nullptr}, wo_{nullptr};
  nn::RMSNorm layer_norm_{nullptr};
};
TORCH_MODULE(FeedForwardLayer);

struct BlockImpl : torch::nn::Module {
  BlockImpl(const T5Config& config, bool holds_bias, const at::TensorOptions& options) {
    const auto layer = register_module("layer", nn::group());
    attention = layer->register_module("0", SelfAttentionLayer(config, holds_bias, options));
    feed_forward = layer->register_module("1", FeedForwardLayer(config, options));
  }
  SelfAttentionLayer attention{nullptr};
  FeedForwardLayer feed_forward{nullptr};
};
TORCH_MODULE(Block);

}  // namespace

T5Config T5Config::from_json(const io::JsonFields& json) {
  T5Config config;
  config.vocab_size = json.optional_int64("vocab_size", 32128, 259, kMaxVocabulary);
  config.d_model = json.optional_int64("d_model", 512, 1, kMaxWidth);
  config.d_kv = json.optional_int64("d_kv", 64, 1, kMaxWidth);
  config.d_ff = json.optional_int64("d_ff", 2048, 1, kMaxWidth);
  config.num_layers = json.optional_int64("num_layers", 6, 1, kMaxLayers);
  config.num_heads = json.optional_int64("num_heads", 8, 1, kMaxHeads);
  // At least four: each direction has half of the buckets, and half of those are exact.
  config.relative_attention_num_buckets =
      json.optional_int64("relative_attention_num_buckets", 32, 4, kMaxWidth);
  config.relative_attention_max_distance =
      json.optional_int64("relative_attention_max_distance",
                          128,
                          config.relative_attention_num_buckets / 4 + 1,
                          kMaxWidth);
  config.layer_norm_epsilon = json.optional_double("layer_norm_epsilon", 1e-6, 0, 1);
  config.pad_token_id = json.optional_int64("pad_token_id", 0, 0, config.vocab_size - 1);
  config.eos_token_id = json.optional_int64("eos_token_id", 1, 0, config.vocab_size - 1);
  // The default is T5's "relu", unless the file has the two keys that "gated-gelu" stands for.
  const bool is_gated = json.optional_bool("is_gated_act", false) &&
                        json.optional_string("dense_act_fn", "") == "gelu_new";
  if (json.optional_string("feed_forward_proj", is_gated ? "gated-gelu" : "relu") != "gated-gelu") {
    json.refuse("feed_forward_proj", "\"gated-gelu\"", ErrorCode::kUnsupported);
  }
  return config;
}

Tensor relative_position_buckets(int64_t tokens, const T5Config& config) {
  const int64_t direction = config.relative_attention_num_buckets / 2;
  const int64_t exact = direction / 2;
  // All in float32, as in the reference: rounding decides the bucket of a distance at a boundary.
  const float scale = static_cast<float>(
      std::log(static_cast<double>(config.relative_attention_max_distance) / exact));
  std::vector<int64_t> buckets;
  buckets.reserve(tokens * tokens);
  for (int64_t query = 0; query < tokens; ++query) {
    for (int64_t key = 0; key < tokens; ++key) {
      const int64_t distance = std::abs(key - query);
      int64_t bucket = distance;
      if (distance >= exact) {
        const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact));
        bucket =
            exact + static_cast<int64_t>(ratio / scale * static_cast<float>(direction - exact));
        bucket = std::min(bucket, direction - 1);
      }
      buckets.push_back(bucket + (key > query ? direction : 0));
    }
  }
  return torch::tensor(buckets).view({tokens, tokens});
}

T5EncoderModelImpl::T5EncoderModelImpl(const T5Config& config, const at::TensorOptions& options)
    : config_(config) {
  shared = register_module("shared", nn::Embedding(config.vocab_size, config.d_model, options));
  const auto encoder = register_module("encoder", nn::group());
  block_ = encoder->register_module("block", nn::BlockList());
  for (int64_t i = 0; i < config.num_layers; ++i) {
    block_->push_back(Block(config, /*holds_bias=*/i == 0, options));
  }
  final_layer_norm_ = encoder->register_module(
      "final_layer_norm", nn::RMSNorm(config.d_model, config.layer_norm_epsilon, options));
}

Tensor T5EncoderModelImpl::forward(const Tensor& ids, const Tensor& mask) const {
  auto x = shared->forward(ids);  // [B, T, d_model]
  const auto buckets = relative_position_buckets(ids.size(1), config_).to(ids.device());
  Tensor position_bias;
  for (int64_t i = 0; i < config_.num_layers; ++i) {
    x = block_->run<BlockImpl>(i, [&](const auto& block) {
      // Stored in block 0, used by all blocks.
      if (i == 0) position_bias = block.attention->position_bias(buckets);
      return block.feed_forward->forward(block.attention->forward(x, position_bias, mask));
    });
  }
  return final_layer_norm_->forward(x);
}

}  // namespace glm_image::models
