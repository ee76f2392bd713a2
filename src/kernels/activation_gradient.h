#pragma once

#include "kernels/element.h"

/// Gradients of kernels/activation.h: they compute dx from dy, the gradient of the result.
namespace glm_image::kernels {

/// dx = dy·gelu'(x), `count` values.
void gelu_tanh_gradient(Element element, const void* x, const void* dy, void* dx, int64_t count);

/// Rows of x = [gate, up] and of dx have 2·channels values, rows of dy have `channels`.
void silu_gate_gradient(
    Element element, const void* x, const void* dy, void* dx, int64_t rows, int64_t channels);

}  // namespace glm_image::kernels
