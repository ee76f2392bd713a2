#pragma once

#include "kernels/element.h"

namespace glm_image::kernels {

/// out = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), `count` values.
void gelu_tanh(Element element, const void* x, void* out, int64_t count);

/// out = silu(gate)·up for rows [gate, up] of 2·channels values, one after the other.
void silu_gate(Element element, const void* x, void* out, int64_t rows, int64_t channels);

}  // namespace glm_image::kernels
