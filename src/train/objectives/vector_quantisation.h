#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// T tokens to quantise with a codebook of K codes.
struct VqTokens {
  Tensor vectors;       ///< [T, D] float32, unit vectors
  Tensor codes;         ///< [K, D] float32, unit vectors; no gradient
  Tensor weights = {};  ///< [T] float32; undefined: 1
};

struct QuantisedTokens {
  Tensor quantised;   ///< [T, D], the nearest codes, with a straight-through gradient to `vectors`
  Tensor ids;         ///< [T] int64
  Tensor distances;   ///< [T] float32, 1 − cosine to the chosen code, detached
  Tensor commitment;  ///< scalar float32: weighted mean of 1 − cosine
};

/// Vector quantisation with a straight-through gradient (van den Oord et al. 2017).
QuantisedTokens vector_quantisation(const VqTokens& tokens);

/// Mean over tokens of `of_tokens` [T] with `weights` [T].
Tensor weighted_mean(const Tensor& of_tokens, const Tensor& weights);

/// A codebook of moving averages: each code follows the vectors that choose it (van den Oord et al.
/// 2017, appendix A.1). A code with less than a tenth of its share of the tokens restarts at a
/// random vector of the batch; vectors far from their code are more likely.
class MovingCodebook {
 public:
  MovingCodebook() = default;
  /// codes [K, D]; `decay` of the moving averages per step.
  MovingCodebook(const Tensor& codes, double decay);

  /// Updates the averages with one step's tokens. With `revive`, restarts unused codes.
  void update(const VqTokens& tokens,
              const QuantisedTokens& quantised,
              bool revive,
              at::Generator& random);
  /// [K, D] float32, unit vectors.
  Tensor codes() const;
  /// [K], moving average of the fraction of tokens per code.
  Tensor shares() const { return counts_ / counts_.sum(); }
  /// State for a checkpoint, overwritten when a run resumes.
  Tensor sums() const { return sums_; }
  Tensor counts() const { return counts_; }

 private:
  Tensor sums_, counts_;  ///< moving averages, [K, D] and [K]
  double decay_ = 0;
};

}  // namespace glm_image::train
