#include "train/lora/part_memory.h"

#include "nn/functional.h"

namespace glm_image::train {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);
/// Batches that are prepared ahead, pictures, and what the allocator keeps.
constexpr int64_t kEverywhere = int64_t{64} << 20;

int64_t element_bytes(const pipeline::Checkpoint& checkpoint) {
  return static_cast<int64_t>(c10::elementSize(checkpoint.placement().dtype));
}

/// Bytes for this number of trained values: the buffers of MixedPrecisionAdamW and
/// ExponentialMovingAverage.
int64_t learning_bytes(int64_t values, int64_t element) {
  constexpr int64_t kWideBuffers = 5;
  return values * (2 * element + kWideBuffers * kFloatBytes);
}

/// The scores of one block, where the backward pass needs them: before and after the softmax, and
/// the gradients of both.
int64_t score_bytes(const pipeline::Checkpoint& checkpoint,
                    int64_t head_dim,
                    int64_t heads,
                    int64_t queries,
                    int64_t keys) {
  const auto& placement = checkpoint.placement();
  if (!nn::attention_keeps_scores(placement.device, placement.dtype, head_dim)) return 0;
  return 4 * heads * queries * keys * kFloatBytes;
}

/// Inputs of all blocks and everything of one, or everything of all of them. With prior
/// preservation, of two batches: one backward pass follows both. The base's pass keeps nothing.
int64_t block_bytes(const LoraOptions& options, int64_t blocks, int64_t input, int64_t block) {
  const int64_t kept = options.prior_data.empty() ? blocks : 2 * blocks;
  return options.recompute ? kept * input + block : kept * block;
}

}  // namespace

PartMemory transformer_training_memory(const pipeline::Checkpoint& checkpoint,
                                       const LoraDataSizes& data,
                                       const LoraOptions& options) {
  const auto& config = checkpoint.transformer;
  const int64_t element = element_bytes(checkpoint), width = config.hidden_size();
  const int64_t side = options.size / text::kTokenSide * checkpoint.patches_per_token();
  const int64_t patches = side * side, sequence = patches + data.glyph_tokens;
  const int64_t tokens = options.batch * sequence, condition = data.references * patches;
  PartMemory memory;
  const int64_t layer_values = options.rank * (options.all_layers ? 18 : 8) * width;
  memory.adapter = learning_bytes(config.num_layers * layer_values, element);
  // Per token and channel: about 45 values are kept within a block (norms, heads before and after
  // norm and rotation, 4 hidden values twice, residuals), and the gradients of some of them.
  constexpr int64_t kValuesOfBlock = 64;
  const int64_t block = kValuesOfBlock * tokens * width * element +
                        options.batch * score_bytes(checkpoint,
                                                    config.attention_head_dim,
                                                    config.num_attention_heads,
                                                    sequence,
                                                    sequence + condition);
  // Keys and values of references, of all blocks; one reference at a time passes a block. The
  // prior data's are read twice, with the adapter and without.
  const int64_t readings = options.prior_data.empty() ? 1 : 3;
  const int64_t references = condition == 0 ? 0
                                            : (2 * readings * config.num_layers * condition +
                                               17 * patches + 4 * (sequence + condition)) *
                                                  width * element;
  // The backward pass transposes the weight of a layer.
  const int64_t transposed = 2 * 4 * width * width * element;
  memory.working = kEverywhere +
                   block_bytes(options, config.num_layers, tokens * width * element, block) +
                   references + transposed;
  return memory;
}

PartMemory generator_training_memory(const pipeline::Checkpoint& checkpoint,
                                     const LoraDataSizes& data,
                                     const LoraOptions& options) {
  const auto& config = checkpoint.vision_language.text;
  const int64_t element = element_bytes(checkpoint), width = config.hidden_size;
  const int64_t heads = config.num_attention_heads * config.head_dim;
  const int64_t shared = config.num_key_value_heads * config.head_dim;
  const auto target = text::target_grid(options.size, options.size);
  const int64_t predicted =
      target.size() + (data.references == 0 ? text::preview_grid(target).size() : 0);
  const int64_t sequence = data.prompt_tokens + data.references * target.size() + predicted;
  const int64_t tokens = options.batch * sequence;
  PartMemory memory;
  int64_t layer_values = 2 * (width + heads) + 2 * (width + shared);
  if (options.all_layers) layer_values += 2 * width + 3 * config.intermediate_size;
  memory.adapter = learning_bytes(config.num_hidden_layers * options.rank * layer_values, element);
  // As above: norms and residuals, heads before and after rotation, the gated hidden values.
  const int64_t block =
      tokens * (24 * width + 12 * (heads + shared) + 12 * config.intermediate_size) * element +
      options.batch *
          score_bytes(checkpoint, config.head_dim, config.num_attention_heads, sequence, sequence);
  // Logits, their logarithms and gradients; and the same of the prior data, beside those of the
  // base and the terms of the divergence.
  const int64_t copies = options.prior_data.empty() ? 5 : 5 + 8;
  const int64_t logits =
      copies * options.batch * predicted * config.vision_vocab_size * kFloatBytes;
  const int64_t transposed = 2 * 2 * config.intermediate_size * width * element;
  memory.working = kEverywhere +
                   block_bytes(options, config.num_hidden_layers, tokens * width * element, block) +
                   logits + transposed;
  return memory;
}

}  // namespace glm_image::train
