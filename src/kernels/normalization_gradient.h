#pragma once

#include "kernels/element.h"

/// Gradients of kernels/normalization.h: they compute the gradients of the inputs from dy, the
/// gradient of the result. Rows of `channels` values lie one after the other. Gradients of
/// parameters that all rows share are added to float32 sums [channels], so that a caller can
/// process the rows in runs.
namespace glm_image::kernels {

/// Rows of one normalisation.
struct NormalizedRows {
  const void* x = nullptr;
  const void* dy = nullptr;
  void* dx = nullptr;
  int64_t rows = 0, channels = 0;
  float eps = 0;
};

/// dshift += Σ dy, dscale += Σ dy·x̂ with x̂ = (x − mean)·i, i = 1/√(variance + eps);
/// dx = i·(g − mean(g) − x̂·mean(g·x̂)) with g = dy·(1 + scale).
void modulated_layer_norm_gradient(
    Element element, const NormalizedRows& rows, const void* scale, float* dshift, float* dscale);

/// dweight += Σ dy·x̂ with x̂ = x·i, i = 1/√(mean(x²) + eps);
/// dx = i·(g − x̂·mean(g·x̂)) with g = dy·weight.
void rms_norm_gradient(Element element,
                       const NormalizedRows& rows,
                       const void* weight,
                       float* dweight);

/// Of x + gate·y for the gradient `d` of the result: dy = gate·d, dgate += Σ y·d (that of x is d).
void gated_residual_gradient(Element element,
                             const void* y,
                             const void* gate,
                             const void* d,
                             void* dy,
                             float* dgate,
                             int64_t rows,
                             int64_t channels);

}  // namespace glm_image::kernels
