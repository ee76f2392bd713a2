#pragma once

#include "io/json_file.h"
#include "nn/block_list.h"
#include "nn/modules.h"

/// The glyph encoder: a T5 encoder that reads the bytes of the texts to spell (ByT5).
/// After transformers' models/t5/modeling_t5.py.
namespace glm_image::models {

/// text_encoder/config.json. A key that the file leaves out has the default of transformers'
/// T5Config.
struct T5Config {
  int64_t vocab_size = 0;
  int64_t d_model = 0;
  int64_t d_kv = 0;  ///< per head
  int64_t d_ff = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t relative_attention_num_buckets = 0;
  int64_t relative_attention_max_distance = 0;
  double layer_norm_epsilon = 0;
  int64_t pad_token_id = 0;
  int64_t eos_token_id = 0;

  static T5Config from_json(const io::JsonFields& config);
};

/// Returns the bucket of each relative position key − query, [tokens, tokens] int64. Each direction
/// has half of the buckets: small distances have a bucket each, larger ones share buckets whose
/// sizes grow logarithmically.
Tensor relative_position_buckets(int64_t tokens, const T5Config& config);

struct T5EncoderModelImpl : torch::nn::Module {
  T5EncoderModelImpl(const T5Config& config, const at::TensorOptions& options);

  /// ids [B, T] int64, mask [B, T] bool (true where a token may be attended to) → [B, T, d_model].
  Tensor forward(const Tensor& ids, const Tensor& mask) const;

 private:
  T5Config config_;
  nn::Embedding shared{nullptr};
  nn::BlockList block_{nullptr};
  nn::RMSNorm final_layer_norm_{nullptr};
};
TORCH_MODULE(T5EncoderModel);

}  // namespace glm_image::models
