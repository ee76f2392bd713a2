#pragma once

#include "kernels/element.h"

/// The parts of silu(group_norm(x)) and of its gradient, over runs of cells of one picture whose
/// channels lie side by side (channels last). Sums that span a picture are left to the caller.
namespace glm_image::kernels {

/// A run of `cells` cells of `channels` values each, one after the other.
struct CellRun {
  const void* x = nullptr;
  int64_t cells = 0, channels = 0;
};

/// u = scale·x + shift, per channel: a group norm once its statistics are known.
struct ChannelScales {
  const float* scale = nullptr;
  const float* shift = nullptr;
};

/// sums[c] = Σ x, squares[c] = Σ x² over the cells of the run.
void channel_sums(Element element, const CellRun& run, float* sums, float* squares);

/// out = silu(u).
void scaled_silu(Element element, const CellRun& run, const ChannelScales& scales, void* out);

/// With du = dy·silu'(u): sums[c] = Σ du, products[c] = Σ du·x over the cells of the run.
void scaled_silu_gradient_sums(Element element,
                               const CellRun& run,
                               const void* dy,
                               const ChannelScales& scales,
                               float* sums,
                               float* products);

/// dx = scale·du + slope·x + offset, where slope and offset [channels] carry the gradient through
/// the statistics.
void scaled_silu_gradient(Element element,
                          const CellRun& run,
                          const void* dy,
                          const ChannelScales& scales,
                          const float* slope,
                          const float* offset,
                          void* dx);

}  // namespace glm_image::kernels
