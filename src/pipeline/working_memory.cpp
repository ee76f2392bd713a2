#include "pipeline/working_memory.h"

#include <algorithm>

#include "models/autoencoder/operations.h"
#include "nn/functional.h"
#include "nn/rows_together.h"
#include "pipeline/compose.h"
#include "pipeline/picture_sizes.h"
#include "pipeline/request_values.h"
#include "text/glyph_sequences.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);
/// A generous fixed number, so that the plan hardly depends on the request's length.
constexpr int64_t kUsualPromptTokens = 512, kUsualTextTokens = 64;
/// For queues, pictures, JSON and the allocator's reserves.
constexpr int64_t kEverywhere = int64_t{32} << 20;

int64_t bytes_of(at::ScalarType type) {
  return static_cast<int64_t>(c10::elementSize(type));
}

/// Workspaces of nn::attention: a copy of one head's keys and values in each thread, or the scores
/// of some rows.
int64_t attention_bytes(int64_t queries, int64_t keys, int64_t heads, int64_t dim) {
  constexpr int64_t kMostWorkspaces = int64_t{1} << 30;
  const int64_t workspaces = 2 * keys * dim * kFloatBytes * at::get_num_threads();
  const int64_t scores = std::min(nn::kMaxScoreBytes, queries * keys * heads * kFloatBytes);
  return workspaces <= kMostWorkspaces ? std::max(workspaces, scores) : 2 * scores;
}

/// Reading one condition picture: vision encoder and codebook.
int64_t reading_bytes(const Checkpoint& checkpoint, const text::Grid& grid) {
  const auto& config = checkpoint.vision_language;
  const auto& vision = config.vision;
  const int64_t tokens = grid.size(), element = bytes_of(checkpoint.placement().dtype);
  const int64_t pixels = tokens * vision.in_channels * vision.patch_size * vision.patch_size;
  const int64_t table = vision.position_side * vision.position_side * vision.hidden_size;
  const int64_t blocks =
      tokens * element * (9 * vision.hidden_size + 3 * vision.intermediate_size) +
      attention_bytes(tokens, tokens, vision.num_heads, vision.hidden_size / vision.num_heads);
  // Normalised as float32, with a copy and their squares; and the distances to them.
  const int64_t codes = 3 * config.vq.num_embeddings * config.vq.embed_dim * kFloatBytes;
  const int64_t distances =
      std::min(int64_t{256} << 20, 4 * tokens * config.vq.num_embeddings * kFloatBytes);
  return 2 * pixels * kFloatBytes +
         std::max({blocks,
                   2 * table * kFloatBytes + 3 * tokens * vision.hidden_size * kFloatBytes,
                   codes + distances + 3 * tokens * config.vq.embed_dim * kFloatBytes});
}

/// The adapters of a component, and what they add to the product of the layer with the most
/// outputs: rows of the inner and of the outer product.
int64_t adapter_bytes(const Checkpoint& checkpoint,
                      const Workload& work,
                      const char* component,
                      int64_t rows,
                      int64_t most_outputs) {
  const auto type = checkpoint.placement().dtype;
  const int64_t attached = checkpoint.adapter_set().attached_bytes(work.adapters, component, type);
  return attached == 0 ? 0 : attached + 2 * rows * most_outputs * bytes_of(type);
}

int64_t composing_bytes(const Checkpoint& checkpoint, const Workload& work) {
  const auto& text = checkpoint.vision_language.text;
  const int64_t element = bytes_of(checkpoint.placement().dtype);
  const int64_t sequences =
      std::min(work.pictures, nn::rows_together(checkpoint.placement().device));
  const int64_t context = work.prompt_tokens + work.generated_tokens;
  const int64_t cache = 2 * text.num_hidden_layers * sequences * context *
                        text.num_key_value_heads * text.head_dim * element;
  const int64_t heads = text.num_attention_heads * text.head_dim;
  const int64_t prefill = work.prompt_tokens * (element * (6 * text.hidden_size + 3 * heads) +
                                                element * 4 * text.intermediate_size +
                                                6 * text.rotary_dim * kFloatBytes);
  const int64_t attention =
      attention_bytes(work.prompt_tokens, context, text.num_attention_heads, text.head_dim);
  const int64_t logits = 4 * sequences * text.vision_vocab_size * kFloatBytes;
  return cache + prefill + attention + logits +
         adapter_bytes(
             checkpoint, work, kVisionLanguage, work.prompt_tokens, 2 * text.intermediate_size);
}

int64_t spelling_bytes(const Checkpoint& checkpoint, const Workload& work) {
  const auto& config = checkpoint.glyph_encoder;
  const int64_t element = bytes_of(checkpoint.placement().dtype);
  const int64_t tokens = work.longest_text, pairs = tokens * tokens;
  const int64_t inner = config.num_heads * config.d_kv;
  // The buckets of all pairs twice as int64, the position bias, and the scores with it.
  return pairs * 2 * static_cast<int64_t>(sizeof(int64_t)) +
         pairs * config.num_heads * (element + 3 * kFloatBytes) +
         tokens * element * (8 * config.d_model + 5 * inner + 4 * config.d_ff) +
         2 * work.spelled_tokens * config.d_model * element;
}

int64_t painting_bytes(const Checkpoint& checkpoint, const Workload& work) {
  const auto& config = checkpoint.transformer;
  const int64_t element = bytes_of(checkpoint.placement().dtype);
  const int64_t side = checkpoint.patches_per_token(), width = config.hidden_size();
  const int64_t own = work.picture.size() * side * side + work.spelled_tokens;
  int64_t condition = 0, largest_condition = 0;
  for (const auto& grid : work.conditions) {
    condition += grid.size() * side * side;
    largest_condition = std::max(largest_condition, grid.size() * side * side);
  }
  // For a block: its input, normalised streams, the hidden values of its feed-forward layer and
  // their activation (4 each, and as 8-bit integers), and the sums; or heads and their copies.
  const int64_t tokens = std::max(own, largest_condition);
  const int64_t block = 17 * tokens * width * element;
  // Keys and values of the condition pictures: of all blocks, and joined with a block's own.
  const int64_t cache = 2 * config.num_layers * condition * width * element +
                        (condition > 0 ? 4 * (own + condition) * width * element : 0);
  const int64_t steps = work.step_cache ? 6 * own * width * element : 0;
  const int64_t angles = 4 * tokens * config.attention_head_dim * kFloatBytes;
  return block + cache + steps + angles +
         adapter_bytes(checkpoint, work, kTransformer, tokens, 4 * width) +
         attention_bytes(
             own, own + condition, config.num_attention_heads, config.attention_head_dim);
}

/// Working memory of the VAE for a picture whose largest layer has this number of values.
int64_t autoencoder_bytes(const Checkpoint& checkpoint, const text::Grid& grid, int64_t values) {
  const auto& config = checkpoint.autoencoder;
  const int64_t factor = config.scale_factor();
  const int64_t pixels = grid.size() * text::kTokenSide * text::kTokenSide;
  const int64_t cells = pixels / (factor * factor);
  // The picture as float32: decoded, scaled, clamped, and as 8 bits.
  const int64_t pictures = 5 * config.out_channels * pixels * kFloatBytes;
  const int64_t attention =
      config.mid_block_add_attention
          ? attention_bytes(cells, cells, /*heads=*/1, config.block_out_channels.back())
          : 0;
  // The kernels' packed weights and the rows that are multiplied next (nn/fused_convolution).
  constexpr int64_t kConvolution = int64_t{96} << 20;
  return values * bytes_of(checkpoint.placement().vae_dtype) + pictures + attention + kConvolution;
}

bool is_fused(const Placement& placement) {
  return placement.device.is_cpu() && placement.vae_dtype == at::kBFloat16;
}

}  // namespace

Workload workload_of(const Checkpoint& checkpoint, const Request& request) {
  Workload work;
  const auto target = text::target_grid(request.height, request.width);
  const auto preview = text::preview_grid(target);
  work.picture = request.draft ? preview : target;
  work.pictures = compositions_of(request);
  work.conditions = condition_grids(checkpoint, request);
  work.step_cache = request.step_cache.value_or(0) > 0;
  work.previews = request.previews > 0;
  work.adapters = checkpoint.adapter_set().resolve(request.adapters);

  work.prompt_tokens =
      std::max(kUsualPromptTokens,
               text_tokens(checkpoint, request.prompt, request.condition_images.size(), target));
  for (const auto& grid : work.conditions) work.prompt_tokens += grid.size();
  if (!request.composition || request.composition->is_draft()) {
    work.generated_tokens = request.draft ? 0 : target.size();
    if (work.conditions.empty()) work.generated_tokens += preview.size();
  }
  for (const auto& sequence :
       text::glyph_sequences(*checkpoint.byte_tokenizer, texts_to_spell(request))) {
    const auto tokens = static_cast<int64_t>(sequence.size());
    work.spelled_tokens += tokens;
    work.longest_text = std::max(work.longest_text, tokens);
  }
  work.spelled_tokens = std::max(work.spelled_tokens, kUsualTextTokens);
  work.longest_text = std::max(work.longest_text, kUsualTextTokens);
  return work;
}

WorkingMemory working_memory(const Checkpoint& checkpoint, const Workload& work) {
  const bool fused = is_fused(checkpoint.placement());
  const auto& vae = checkpoint.autoencoder;
  const auto pixels = [](int64_t tokens) { return tokens * text::kTokenSide; };
  WorkingMemory memory;
  if (work.generated_tokens > 0) {
    memory.compose = kEverywhere + composing_bytes(checkpoint, work);
  }
  for (const auto& grid : work.conditions) {
    memory.read = std::max(memory.read, kEverywhere + reading_bytes(checkpoint, grid));
  }
  if (memory.compose > 0) memory.compose = std::max(memory.compose, memory.read);
  for (const auto& grid : work.conditions) {
    const auto values =
        models::encoding_values(vae, pixels(grid.width), pixels(grid.height), fused);
    memory.encode =
        std::max(memory.encode, kEverywhere + autoencoder_bytes(checkpoint, grid, values));
  }
  memory.spell = kEverywhere + spelling_bytes(checkpoint, work);
  const auto values =
      models::decoding_values(vae, pixels(work.picture.width), pixels(work.picture.height), fused);
  memory.decode = kEverywhere + autoencoder_bytes(checkpoint, work.picture, values);
  memory.paint = kEverywhere + painting_bytes(checkpoint, work);
  if (work.previews) {
    // The VAE decodes them while the transformer stays, or all paint a draft beside the generator.
    memory.paint += memory.decode + checkpoint.weight_bytes(kVae).memory();
    if (memory.compose > 0) memory.compose += memory.paint;
  }
  return memory;
}

}  // namespace glm_image::pipeline
