#pragma once

#include <string>
#include <vector>

#include "core/torch.h"

/// Low-rank updates (LoRA) of the weights of linear layers, after "LoRA: Low-Rank Adaptation of
/// Large Language Models" (https://arxiv.org/abs/2106.09685). They stay beside the weight, which
/// may be quantised or mapped from a file, and which does not change.
namespace glm_image::nn {

/// Makes a layer of weight W [out, in] multiply by W + scale·up·down.
struct LowRankUpdate {
  Tensor down;  ///< [rank, in]; A in the paper
  Tensor up;    ///< [out, rank]; B in the paper
  double scale = 1;

  int64_t rank() const { return down.size(0); }
};

/// y + Σ scale·(x·downᵀ)·upᵀ; x [..., in], y [..., out] → like y, in y's type. Factors of another
/// type are converted to x's. Differentiable in x, y and the factors. Overwrites y where no
/// gradient is needed.
Tensor add_updates(Tensor y, const Tensor& x, const std::vector<LowRankUpdate>& updates);

/// Adds an update to the linear layer whose weight has this name among the module's parameters
/// ("transformer_blocks.0.attn1.to_q.weight"). A layer may have several; their order is kept. The
/// factors are not parameters of the module. Throws kInvalidInput if no linear layer has a weight
/// of this name, or the shapes do not fit it.
void attach_update(torch::nn::Module& module, const std::string& parameter, LowRankUpdate update);

/// Removes the updates of all layers of the module.
void detach_updates(torch::nn::Module& module);

}  // namespace glm_image::nn
