#pragma once

#include "kernels/element.h"

namespace glm_image::kernels {

/// out = (x − mean)/√(variance + eps)·(1 + scale) + shift for each of `rows` rows of `channels`
/// values, one after the other. shift, scale [channels].
void modulated_layer_norm(Element element,
                          const void* x,
                          const void* shift,
                          const void* scale,
                          void* out,
                          int64_t rows,
                          int64_t channels,
                          float eps);

/// out = x/√(mean(x²) + eps)·weight for each row. weight [channels].
void rms_norm(Element element,
              const void* x,
              const void* weight,
              void* out,
              int64_t rows,
              int64_t channels,
              float eps);

/// out = x + gate·y for each row. gate [channels].
void gated_residual(Element element,
                    const void* x,
                    const void* y,
                    const void* gate,
                    void* out,
                    int64_t rows,
                    int64_t channels);

}  // namespace glm_image::kernels
