#include "models/transformer/transformer_model.h"

#include "core/error.h"
#include "models/transformer/patches.h"
#include "nn/functional.h"
#include "nn/group.h"
#include "nn/recompute.h"

namespace glm_image::models {
namespace {

constexpr double kNormEps = 1e-5;

/// Applies one function to the text tokens and one to the image tokens of [B, text + image, C].
template <typename TextFunction, typename ImageFunction>
Tensor by_stream(const Tensor& x,
                 int64_t text_tokens,
                 TextFunction on_text,
                 ImageFunction on_image) {
  if (text_tokens == 0) return on_image(x);
  const auto text = x.narrow(1, 0, text_tokens);
  const auto image = x.narrow(1, text_tokens, x.size(1) - text_tokens);
  return at::cat({on_text(text), on_image(image)}, /*dim=*/1);
}

/// Begins to gather the image tokens' part of keys or values [B, text + own, H, D]. The result
/// waits for [B, text + T, H, D], with the image tokens of all ranks. Without other ranks it
/// returns `heads`.
std::function<Tensor()> with_all_images(const Tensor& heads,
                                        const GlmImageAttentionImpl::Context& context) {
  if (context.share == nullptr) return [heads] { return heads; };
  const int64_t text = context.text_tokens;
  const auto own = heads.narrow(1, text, heads.size(1) - text);
  return [heads, text, wait = context.share->begin_gather(own, context.image_tokens)] {
    const auto images = wait();
    if (text == 0) return images;
    return at::cat({heads.narrow(1, 0, text), images}, /*dim=*/1);
  };
}

}  // namespace

void ConditionCache::append(int64_t block, const Tensor& k, const Tensor& v) {
  std::tie(keys_.at(block), values_.at(block)) = prepend_to(block, k, v);
}

std::pair<Tensor, Tensor> ConditionCache::prepend_to(int64_t block,
                                                     const Tensor& k,
                                                     const Tensor& v) const {
  const auto& keys = keys_.at(block);
  if (!keys.defined()) return {k, v};
  return {at::cat({keys, k}, /*dim=*/1), at::cat({values_.at(block), v}, /*dim=*/1)};
}

Tensor sinusoid(const Tensor& t, int64_t dim) {
  const int64_t half = dim / 2;
  const auto options = at::TensorOptions().dtype(at::kFloat).device(t.device());
  const auto frequencies = (at::arange(half, options) * (-std::log(10000.0) / half)).exp();
  const auto angles = t.to(at::kFloat).unsqueeze(-1) * frequencies;
  return at::cat({angles.cos(), angles.sin()}, -1);
}

std::pair<Tensor, Tensor> image_rotary_angles(int64_t rows,
                                              int64_t columns,
                                              int64_t head_dim,
                                              const at::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const int64_t axis_dim = head_dim / 2;
  const auto exponents = at::arange(0, axis_dim, 2, options) / axis_dim;
  const auto frequencies = 1.0 / at::pow(10000.0, exponents);  // [head_dim/4]
  const int64_t per_axis = frequencies.size(0);
  const auto by_row = at::outer(at::arange(rows, options), frequencies)
                          .unsqueeze(1)
                          .expand({rows, columns, per_axis});
  const auto by_column = at::outer(at::arange(columns, options), frequencies)
                             .unsqueeze(0)
                             .expand({rows, columns, per_axis});
  const auto half = at::cat({by_row, by_column}, -1);
  const auto angles = at::cat({half, half}, -1).view({rows * columns, head_dim});
  return {angles.cos(), angles.sin()};
}

GlmImageAttentionImpl::GlmImageAttentionImpl(const TransformerConfig& config,
                                             const at::TensorOptions& options)
    : heads_(config.num_attention_heads),
      head_dim_(config.attention_head_dim),
      to_q(config.hidden_size(), config.hidden_size(), options),
      to_k(config.hidden_size(), config.hidden_size(), options),
      to_v(config.hidden_size(), config.hidden_size(), options),
      attention_({to_q, to_k, to_v}) {
  const int64_t dim = config.hidden_size();
  register_module("to_q", to_q);
  register_module("to_k", to_k);
  register_module("to_v", to_v);
  const auto to_out = register_module("to_out", nn::group());
  to_out_ = to_out->register_module("0", nn::Linear(dim, dim, options));
}

Tensor GlmImageAttentionImpl::forward(const Tensor& x,
                                      const Context& context,
                                      int64_t block) const {
  const int64_t batch = x.size(0), tokens = x.size(1);
  const auto heads = [&](const nn::Linear& projection) {
    return projection->forward(x).view({batch, tokens, heads_, head_dim_});
  };
  const auto norm_rotary = [&](const Tensor& projected) {
    return nn::head_norm_rotary(projected, context.cos, context.sin, context.text_tokens, kNormEps);
  };
  // Keys and values first: the ranks exchange them while they compute what needs no other rank.
  auto keys = with_all_images(norm_rotary(heads(to_k)), context);
  auto values = with_all_images(heads(to_v), context);
  const auto q = norm_rotary(heads(to_q));
  auto k = keys(), v = values();
  keys = values = nullptr;  // they hold this rank's own
  if (context.write != nullptr) context.write->append(block, k, v);
  if (context.read != nullptr) std::tie(k, v) = context.read->prepend_to(block, k, v);
  nn::AttentionOptions attention;
  attention.key_mask = context.key_mask;
  const auto mixed = attention_.forward(q, k, v, attention);  // [B, T, H, D]
  return to_out_->forward(mixed.reshape({batch, tokens, heads_ * head_dim_}));
}

GlmImageTransformerBlockImpl::GlmImageTransformerBlockImpl(const TransformerConfig& config,
                                                           const at::TensorOptions& options) {
  const int64_t dim = config.hidden_size();
  const auto norm1 = register_module("norm1", nn::group());
  modulation_ =
      norm1->register_module("linear", nn::Linear(config.time_embed_dim, 12 * dim, options));
  attn1 = register_module("attn1", GlmImageAttention(config, options));
  ff = register_module(
      "ff",
      nn::FeedForward(dim, 4 * dim, dim, nn::FeedForwardImpl::Activation::kGeluTanh, options));
}

Tensor GlmImageTransformerBlockImpl::forward(const Tensor& x,
                                             const Tensor& temb,
                                             const GlmImageAttentionImpl::Context& context,
                                             int64_t block) const {
  const auto chunks = modulation_->forward(temb).chunk(12, /*dim=*/1);
  // c_ marks the text ("context") stream, as in the checkpoint.
  const auto &shift_msa = chunks[0], &c_shift_msa = chunks[1];
  const auto &scale_msa = chunks[2], &c_scale_msa = chunks[3];
  const auto &gate_msa = chunks[4], &c_gate_msa = chunks[5];
  const auto &shift_mlp = chunks[6], &c_shift_mlp = chunks[7];
  const auto &scale_mlp = chunks[8], &c_scale_mlp = chunks[9];
  const auto &gate_mlp = chunks[10], &c_gate_mlp = chunks[11];
  const int64_t text_tokens = context.text_tokens;

  const auto norm = [&](const Tensor& shift, const Tensor& scale) {
    return [&shift, &scale](const Tensor& stream) {
      return nn::modulated_layer_norm(stream, shift, scale, kNormEps);
    };
  };
  const auto residual =
      [&](const Tensor& base, const Tensor& update, const Tensor& c_gate, const Tensor& gate) {
        if (text_tokens == 0) return nn::gated_residual(base, update, gate);
        const int64_t image_tokens = base.size(1) - text_tokens;
        return at::cat(
            {nn::gated_residual(
                 base.narrow(1, 0, text_tokens), update.narrow(1, 0, text_tokens), c_gate),
             nn::gated_residual(base.narrow(1, text_tokens, image_tokens),
                                update.narrow(1, text_tokens, image_tokens),
                                gate)},
            /*dim=*/1);
      };

  const auto normed =
      by_stream(x, text_tokens, norm(c_shift_msa, c_scale_msa), norm(shift_msa, scale_msa));
  const auto y = residual(x, attn1->forward(normed, context, block), c_gate_msa, gate_msa);
  const auto normed_y =
      by_stream(y, text_tokens, norm(c_shift_mlp, c_scale_mlp), norm(shift_mlp, scale_mlp));
  return residual(y, ff->forward(normed_y), c_gate_mlp, gate_mlp);
}

GlmImageTransformer2DModelImpl::GlmImageTransformer2DModelImpl(const TransformerConfig& config,
                                                               const at::TensorOptions& options)
    : config_(config) {
  using Activation = nn::FeedForwardImpl::Activation;
  const int64_t dim = config.hidden_size();
  const int64_t patch_values = config.in_channels * config.patch_size * config.patch_size;
  const int64_t temb_dim = config.time_embed_dim;

  const auto image_projector = register_module("image_projector", nn::group());
  patch_projection_ =
      image_projector->register_module("proj", nn::Linear(patch_values, dim, options));
  glyph_projector =
      register_module("glyph_projector",
                      nn::FeedForward(config.text_embed_dim, dim, dim, Activation::kGelu, options));
  prior_token_embedding =
      register_module("prior_token_embedding",
                      nn::Embedding(config.prior_vq_quantizer_codebook_size, dim, options));
  prior_projector = register_module("prior_projector",
                                    nn::FeedForward(dim, dim, dim, Activation::kSilu, options));

  const auto time_condition_embed = register_module("time_condition_embed", nn::group());
  const auto timestep_embedder =
      time_condition_embed->register_module("timestep_embedder", nn::group());
  // The sinusoid of the timestep has the same width as its embedding.
  time_1_ = timestep_embedder->register_module("linear_1", nn::Linear(temb_dim, temb_dim, options));
  time_2_ = timestep_embedder->register_module("linear_2", nn::Linear(temb_dim, temb_dim, options));
  const auto condition_embedder =
      time_condition_embed->register_module("condition_embedder", nn::group());
  // Two numbers each for the crop and the size.
  condition_1_ = condition_embedder->register_module(
      "linear_1", nn::Linear(4 * config.condition_dim, temb_dim, options));
  condition_2_ =
      condition_embedder->register_module("linear_2", nn::Linear(temb_dim, temb_dim, options));

  transformer_blocks = register_module("transformer_blocks", nn::BlockList());
  for (int64_t i = 0; i < config.num_layers; ++i) {
    transformer_blocks->push_back(GlmImageTransformerBlock(config, options));
  }
  const auto norm_out = register_module("norm_out", nn::group());
  out_modulation_ = norm_out->register_module("linear", nn::Linear(temb_dim, 2 * dim, options));
  proj_out = register_module("proj_out", nn::Linear(dim, patch_values, options));
}

at::ScalarType GlmImageTransformer2DModelImpl::dtype() const {
  return proj_out->weight.scalar_type();
}

Tensor GlmImageTransformer2DModelImpl::conditioning(const TransformerInput& input) const {
  const auto pair = [&](const Tensor& numbers) {  // [B, 2] → [B, 2·condition_dim]
    return sinusoid(numbers.flatten(), config_.condition_dim).view({numbers.size(0), -1});
  };
  const auto time = sinusoid(input.timestep, config_.time_embed_dim).to(dtype());
  const auto condition = at::cat({pair(input.crop), pair(input.target_size)}, 1).to(dtype());
  const auto time_embedding = time_2_->forward(at::silu(time_1_->forward(time)));
  const auto condition_embedding =
      condition_2_->forward(at::silu(condition_1_->forward(condition)));
  return at::silu(time_embedding + condition_embedding);
}

Tensor GlmImageTransformer2DModelImpl::image_tokens(const TransformerInput& input) const {
  const auto patches = patchify(input.latents.to(dtype()), config_.patch_size);
  auto prior = prior_token_embedding->forward(input.prior_ids);  // [B, patches, hidden]
  // A dropped prior is a zero embedding before the projector, whose biases still apply.
  prior = prior * input.prior_drop.logical_not().to(dtype()).view({-1, 1, 1});
  return patch_projection_->forward(patches) + prior_projector->forward(prior);
}

Tensor GlmImageTransformer2DModelImpl::blocks(Tensor x,
                                              const Tensor& temb,
                                              const GlmImageAttentionImpl::Context& context,
                                              const TransformerInput& input) const {
  GLM_IMAGE_CHECK(!input.recompute_blocks || !temb.requires_grad(), "a conditioning that learns");
  const auto run = [&](int64_t index) {
    x = transformer_blocks->run<GlmImageTransformerBlockImpl>(index, [&](const auto&) {
      const auto block = transformer_blocks->ptr<GlmImageTransformerBlockImpl>(index);
      const auto forward = [block, temb, context, index](const Tensor& tokens) {
        return block->forward(tokens, temb, context, index);
      };
      return input.recompute_blocks ? nn::recompute(forward, x) : forward(x);
    });
    if (input.block_outputs != nullptr) input.block_outputs->push_back(x);
  };
  if (input.step_cache == nullptr) {
    for (int64_t block = 0; block < config_.num_layers; ++block) run(block);
    return x;
  }
  const auto before = x;
  run(0);
  const auto after_first = x;
  const auto first = after_first - before;
  if (input.step_cache->may_skip(first)) return after_first + input.step_cache->rest();
  for (int64_t block = 1; block < config_.num_layers; ++block) run(block);
  input.step_cache->keep(first, x - after_first);
  return x;
}

Tensor GlmImageTransformer2DModelImpl::forward(const TransformerInput& input) const {
  const int64_t patch = config_.patch_size;
  const int64_t rows = input.latents.size(2) / patch, columns = input.latents.size(3) / patch;
  const int64_t text_tokens = input.glyphs.size(1);
  GLM_IMAGE_CHECK(rows * columns == input.prior_ids.size(1),
                  input.prior_ids.size(1),
                  " prior ids for a grid of ",
                  rows,
                  "×",
                  columns);

  auto* const share = input.token_share;
  GLM_IMAGE_CHECK(share == nullptr || (input.write == nullptr && input.step_cache == nullptr &&
                                       !input.glyph_mask.defined()),
                  "tokens are shared in an evaluation that cannot be");
  int64_t first = 0, own = rows * columns;
  if (share != nullptr) std::tie(first, own) = share->own(rows * columns);

  auto x = image_tokens(input);
  if (share != nullptr) x = x.narrow(1, first, own);
  if (text_tokens > 0) x = at::cat({glyph_projector->forward(input.glyphs.to(dtype())), x}, 1);
  const auto temb = conditioning(input);  // [B, time_embed_dim]

  GlmImageAttentionImpl::Context context;
  std::tie(context.cos, context.sin) =
      image_rotary_angles(rows, columns, config_.attention_head_dim, x.device());
  if (share != nullptr) {
    context.cos = context.cos.narrow(0, first, own);
    context.sin = context.sin.narrow(0, first, own);
  }
  context.share = share;
  context.image_tokens = rows * columns;
  context.text_tokens = text_tokens;
  if (input.glyph_mask.defined()) {
    GLM_IMAGE_CHECK(input.read == nullptr, "a glyph mask together with condition pictures");
    const auto seen = at::ones({x.size(0), rows * columns}, input.glyph_mask.options());
    context.key_mask = at::cat({input.glyph_mask, seen}, 1);
  }
  context.read = input.read;
  context.write = input.write;

  x = blocks(x, temb, context, input);
  const auto image = x.narrow(1, text_tokens, own);
  const auto scale_shift = out_modulation_->forward(temb).chunk(2, /*dim=*/1);  // scale first
  const auto normed =
      nn::modulated_layer_norm(image, /*shift=*/scale_shift[1], /*scale=*/scale_shift[0], kNormEps);
  auto patches = proj_out->forward(normed);
  if (share != nullptr) patches = share->gather(patches, rows * columns);
  return unpatchify(patches, rows, columns, patch);
}

}  // namespace glm_image::models
