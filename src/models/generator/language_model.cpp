#include "models/generator/language_model.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "nn/functional.h"

namespace glm_image::models {

std::pair<Tensor, Tensor> rotary_angles(const Tensor& position_ids, const GeneratorConfig& config) {
  std::vector<float> inverse;
  for (int64_t i = 0; i < config.rotary_dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(config.rotary_dim);
    inverse.push_back(1.0F / std::pow(static_cast<float>(config.rope_theta), exponent));
  }
  const auto frequencies = torch::tensor(inverse).to(position_ids.device());

  std::vector<Tensor> sections;
  int64_t begin = 0;
  for (int64_t axis = 0; axis < 3; ++axis) {
    const int64_t length = config.mrope_section[axis];
    const auto positions = position_ids.select(0, axis).to(at::kFloat).unsqueeze(-1);  // [B, T, 1]
    sections.push_back(positions * frequencies.narrow(0, begin, length));
    begin += length;
  }
  const auto half = at::cat(sections, -1);        // [B, T, rotary_dim/2]
  const auto angles = at::cat({half, half}, -1);  // half-split form
  return {angles.cos(), angles.sin()};
}

GlmImageTextAttentionImpl::GlmImageTextAttentionImpl(const GeneratorConfig& config,
                                                     const at::TensorOptions& options,
                                                     const GeneratorShard& shard)
    : head_dim_(config.head_dim) {
  const auto own = shard_ranges(config, shard);
  heads_ = own.heads.count;
  key_value_heads_ = own.key_value_heads.count;
  const int64_t queries = config.num_attention_heads / config.num_key_value_heads;
  for (int64_t i = own.key_value_heads.first; i < own.key_value_heads.end(); ++i) {
    queries_.push_back(std::min(own.heads.end(), (i + 1) * queries) -
                       std::max(own.heads.first, i * queries));
  }
  const int64_t hidden = config.hidden_size;
  const bool bias = config.attention_bias;
  q_proj = register_module("q_proj", nn::Linear(hidden, heads_ * head_dim_, options, bias));
  k_proj =
      register_module("k_proj", nn::Linear(hidden, key_value_heads_ * head_dim_, options, bias));
  v_proj =
      register_module("v_proj", nn::Linear(hidden, key_value_heads_ * head_dim_, options, bias));
  o_proj = register_module("o_proj",
                           nn::Linear(heads_ * head_dim_, hidden, options, /*with_bias=*/false));
}

/// [B, T, H, D] each → [B, T, H, D].
Tensor GlmImageTextAttentionImpl::attend(const Tensor& q, const Tensor& k, const Tensor& v) const {
  nn::AttentionOptions attention;
  attention.causal = true;
  if (std::all_of(queries_.begin(), queries_.end(), [&](int64_t queries) {
        return queries == queries_.front();
      })) {
    return nn::attention(q, k, v, attention);
  }
  // Of a shard: its first and its last key head may have other query heads on other ranks.
  std::vector<Tensor> mixed;
  int64_t first = 0;
  for (int64_t i = 0; i < key_value_heads_; ++i) {
    const int64_t queries = queries_[static_cast<size_t>(i)];
    mixed.push_back(nn::attention(
        q.narrow(2, first, queries), k.narrow(2, i, 1), v.narrow(2, i, 1), attention));
    first += queries;
  }
  return at::cat(mixed, 2);
}

Tensor GlmImageTextAttentionImpl::forward(const Tensor& x,
                                          const Tensor& cos,
                                          const Tensor& sin,
                                          nn::KeyValueCache* cache,
                                          int64_t layer) const {
  const int64_t batch = x.size(0), tokens = x.size(1);
  auto q = q_proj->forward(x).view({batch, tokens, heads_, head_dim_});
  auto k = k_proj->forward(x).view({batch, tokens, key_value_heads_, head_dim_});
  auto v = v_proj->forward(x).view({batch, tokens, key_value_heads_, head_dim_});
  q = nn::rotary(q, cos, sin);
  k = nn::rotary(k, cos, sin);
  if (cache != nullptr) std::tie(k, v) = cache->append(layer, k, v);
  const auto mixed = attend(q, k, v);
  return o_proj->forward(mixed.reshape({batch, tokens, heads_ * head_dim_}));
}

GlmImageTextMLPImpl::GlmImageTextMLPImpl(const GeneratorConfig& config,
                                         const at::TensorOptions& options,
                                         const GeneratorShard& shard) {
  const int64_t hidden = config.hidden_size, inner = shard_ranges(config, shard).inner.count;
  gate_up_proj =
      register_module("gate_up_proj", nn::Linear(hidden, 2 * inner, options, /*with_bias=*/false));
  down_proj = register_module("down_proj", nn::Linear(inner, hidden, options, /*with_bias=*/false));
}

Tensor GlmImageTextMLPImpl::forward(const Tensor& x) const {
  return down_proj->forward(nn::silu_gate(gate_up_proj->forward(x)));
}

GlmImageTextDecoderLayerImpl::GlmImageTextDecoderLayerImpl(const GeneratorConfig& config,
                                                           const at::TensorOptions& options,
                                                           const GeneratorShard& shard) {
  const auto norm = [&] { return nn::RMSNorm(config.hidden_size, config.rms_norm_eps, options); };
  self_attn = register_module("self_attn", GlmImageTextAttention(config, options, shard));
  mlp = register_module("mlp", GlmImageTextMLP(config, options, shard));
  input_layernorm = register_module("input_layernorm", norm());
  post_attention_layernorm = register_module("post_attention_layernorm", norm());
  post_self_attn_layernorm = register_module("post_self_attn_layernorm", norm());
  post_mlp_layernorm = register_module("post_mlp_layernorm", norm());
}

Tensor GlmImageTextDecoderLayerImpl::forward(const Tensor& x,
                                             const Tensor& cos,
                                             const Tensor& sin,
                                             nn::KeyValueCache* cache,
                                             int64_t layer,
                                             GeneratorShare* share) const {
  const auto added_up = [share](Tensor partial) {
    return share == nullptr ? std::move(partial) : share->sum(partial);
  };
  const auto attended =
      added_up(self_attn->forward(input_layernorm->forward(x), cos, sin, cache, layer));
  const auto y = x + post_self_attn_layernorm->forward(attended);
  return y +
         post_mlp_layernorm->forward(added_up(mlp->forward(post_attention_layernorm->forward(y))));
}

GlmImageTextModelImpl::GlmImageTextModelImpl(const GeneratorConfig& config,
                                             const at::TensorOptions& options,
                                             const GeneratorShard& shard)
    : config_(config), shard_(shard) {
  embed_tokens = register_module("embed_tokens",
                                 nn::Embedding(config.vocab_size, config.hidden_size, options));
  layers = register_module("layers", nn::BlockList());
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    layers->push_back(GlmImageTextDecoderLayer(config, options, shard));
  }
  norm = register_module("norm", nn::RMSNorm(config.hidden_size, config.rms_norm_eps, options));
}

Tensor GlmImageTextModelImpl::embed(const Tensor& ids) const {
  return embed_tokens->forward(ids);
}

Tensor GlmImageTextModelImpl::through_layers(Tensor x,
                                             const Tensor& position_ids,
                                             nn::KeyValueCache* cache,
                                             int64_t first,
                                             int64_t end,
                                             GeneratorShare* share) const {
  GLM_IMAGE_CHECK(shard_ == (share == nullptr ? GeneratorShard() : share->shard()),
                  "the generator's weights are those of rank ",
                  shard_.rank,
                  " of ",
                  shard_.ranks);
  const auto [cos, sin] = rotary_angles(position_ids, config_);
  for (int64_t layer = first; layer < end; ++layer) {
    x = layers->run<GlmImageTextDecoderLayerImpl>(
        layer, [&, &cos = cos, &sin = sin](const auto& block) {
          return block.forward(x, cos, sin, cache, layer, share);
        });
  }
  return x;
}

Tensor GlmImageTextModelImpl::normed(const Tensor& x) const {
  return norm->forward(x);
}

Tensor GlmImageTextModelImpl::forward(const Tensor& ids,
                                      const Tensor& position_ids,
                                      nn::KeyValueCache* cache,
                                      GeneratorShare* share) const {
  const auto x =
      through_layers(embed(ids), position_ids, cache, 0, config_.num_hidden_layers, share);
  if (cache != nullptr) cache->advance(ids.size(1));
  return normed(x);
}

}  // namespace glm_image::models
