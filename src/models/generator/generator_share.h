#pragma once

#include <cstdint>

#include "core/torch.h"
#include "io/weight_cut.h"
#include "models/generator/config.h"

/// The generator's weights, spread over ranks: tensor parallelism after "Megatron-LM: Training
/// Multi-Billion Parameter Language Models Using Model Parallelism"
/// (https://arxiv.org/abs/1909.08053).
///
/// A rank holds some query heads with the key and value heads that they attend to, some of the
/// MLP's inner values, and some rows of lm_head: rows of q_proj, k_proj, v_proj and gate_up_proj,
/// and columns of o_proj and down_proj. The outputs of the latter two are partial sums, which the
/// ranks add up. Embeddings and norms are whole on all ranks: a run looks up a few rows of the
/// embeddings, which stay in the mapped file.
namespace glm_image::models {

/// Which share of the weights a module holds; by default all of them.
struct GeneratorShard {
  int64_t rank = 0, ranks = 1;

  bool is_whole() const { return ranks == 1; }
  bool operator==(const GeneratorShard& other) const {
    return rank == other.rank && ranks == other.ranks;
  }
};

/// The share of a rank in `total` rows: the ranks' shares differ by at most one row.
io::IndexRange share_of(int64_t total, const GeneratorShard& shard);

/// What a rank holds of each layer, and of lm_head.
struct ShardRanges {
  io::IndexRange heads;            ///< query heads
  io::IndexRange key_value_heads;  ///< may be those of other ranks too
  io::IndexRange inner;            ///< of intermediate_size
  io::IndexRange vocabulary;       ///< of vision_vocab_size
};

/// Throws kInvalidInput if there are more ranks than query heads.
ShardRanges shard_ranges(const GeneratorConfig& config, const GeneratorShard& shard);

/// The cuts of the parameters of GlmImageForConditionalGeneration; none for the whole. Throws as
/// shard_ranges does.
io::WeightCuts shard_cuts(const GeneratorConfig& config, const GeneratorShard& shard);

/// What the ranks exchange while they decode together. All ranks call the same functions in the
/// same order. The model does not depend on how tensors are sent.
class GeneratorShare {
 public:
  virtual ~GeneratorShare() = default;
  virtual GeneratorShard shard() const = 0;
  /// The sum of all ranks' tensors of one shape and type, added in float32; like `partial`, and the
  /// same on all ranks.
  virtual Tensor sum(const Tensor& partial) = 0;
  /// The columns of all ranks, [N, total], from this rank's share of them, [N, share_of(total)].
  virtual Tensor gather(const Tensor& own, int64_t total) = 0;
  /// Overwrites `ids`, int64 on the CPU and contiguous, by those of rank 0.
  virtual void broadcast(Tensor& ids) = 0;
};

}  // namespace glm_image::models
