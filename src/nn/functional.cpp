#include "nn/functional.h"

#include "kernels/activation.h"
#include "kernels/normalization.h"
#include "kernels/rotary.h"
#include "nn/differentiable.h"
#include "nn/token_runs.h"

namespace glm_image::nn {

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x, &shift, &scale}) && x.dim() == 3) {
      const int64_t channels = x.size(2);
      const auto rows = dense_tokens(x);
      const auto shifts = shift.contiguous(), scales = scale.contiguous();
      auto out = at::empty(x.sizes(), x.options());
      for_each_run_of_tokens(x, channels, [&](int64_t b, int64_t first, int64_t last) {
        kernels::modulated_layer_norm(element_of(x),
                                      value_at(rows, b * rows.stride(0) + first * channels),
                                      value_at(shifts, b * channels),
                                      value_at(scales, b * channels),
                                      value_at(out, b * out.stride(0) + first * channels),
                                      last - first,
                                      channels,
                                      static_cast<float>(eps));
      });
      return out;
    }
    if (gradient_kernels_apply({&x, &shift, &scale}) && x.dim() == 3) {
      return differentiable::modulated_layer_norm(x, shift, scale, eps);
    }
  }
  return plain::modulated_layer_norm(x, shift, scale, eps);
}

Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x, &y, &gate}) && x.dim() == 3 && x.sizes() == y.sizes()) {
      const int64_t channels = x.size(2);
      const auto bases = dense_tokens(x), updates = dense_tokens(y);
      const auto gates = gate.contiguous();
      auto out = at::empty(x.sizes(), x.options());
      for_each_run_of_tokens(x, channels, [&](int64_t b, int64_t first, int64_t last) {
        kernels::gated_residual(element_of(x),
                                value_at(bases, b * bases.stride(0) + first * channels),
                                value_at(updates, b * updates.stride(0) + first * channels),
                                value_at(gates, b * channels),
                                value_at(out, b * out.stride(0) + first * channels),
                                last - first,
                                channels);
      });
      return out;
    }
    if (gradient_kernels_apply({&x, &y, &gate}) && x.dim() == 3 && x.sizes() == y.sizes()) {
      return differentiable::gated_residual(x, y, gate);
    }
  }
  return plain::gated_residual(x, y, gate);
}

Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x}) && x.size(3) <= kernels::kMaxNormedHead &&
        (first_rotated == x.size(1) || angles_apply(cos, sin))) {
      const int64_t heads = x.size(2), dim = x.size(3), channels = heads * dim;
      const auto in = x.contiguous();
      const auto cosines = cos.contiguous(), sines = sin.contiguous();
      auto out = at::empty(x.sizes(), x.options());
      const auto run = [&](int64_t b, int64_t first, int64_t last, bool rotated) {
        if (first >= last) return;
        const int64_t begin = b * in.stride(0) + first * channels;
        const kernels::TokenHeads tokens{
            value_at(in, begin), value_at(out, begin), last - first, heads, dim};
        kernels::RotaryAngles angles;
        if (rotated) {
          const int64_t at_token = (first - first_rotated) * cos.size(-1);
          angles = {cosines.data_ptr<float>() + at_token,
                    sines.data_ptr<float>() + at_token,
                    cos.size(-1)};
        }
        kernels::head_norm_rotary(element_of(x), tokens, angles, static_cast<float>(eps));
      };
      for_each_run_of_tokens(x, channels, [&](int64_t b, int64_t first, int64_t last) {
        run(b, first, std::min(last, first_rotated), /*rotated=*/false);
        run(b, std::max(first, first_rotated), last, /*rotated=*/true);
      });
      return out;
    }
    if (gradient_kernels_apply({&x}) && x.size(3) <= kernels::kMaxNormedHead &&
        (first_rotated == x.size(1) || angles_apply(cos, sin))) {
      return differentiable::head_norm_rotary(x, cos, sin, first_rotated, eps);
    }
  }
  return plain::head_norm_rotary(x, cos, sin, first_rotated, eps);
}

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x}) && angles_apply(cos, sin)) {
      const int64_t heads = x.size(2), dim = x.size(3), rotated = cos.size(-1);
      const auto in = x.contiguous();
      const auto cosines = cos.contiguous(), sines = sin.contiguous();
      const int64_t angle_batch = cos.dim() == 3 && cos.size(0) > 1 ? x.size(1) * rotated : 0;
      auto out = at::empty(x.sizes(), x.options());
      for_each_run_of_tokens(x, heads * dim, [&](int64_t b, int64_t first, int64_t last) {
        const int64_t begin = b * in.stride(0) + first * heads * dim;
        const int64_t angle = b * angle_batch + first * rotated;
        kernels::rotary(
            element_of(x),
            {value_at(in, begin), value_at(out, begin), last - first, heads, dim},
            {cosines.data_ptr<float>() + angle, sines.data_ptr<float>() + angle, rotated});
      });
      return out;
    }
    if (gradient_kernels_apply({&x}) && angles_apply(cos, sin)) {
      return differentiable::rotary(x, cos, sin);
    }
  }
  return plain::rotary(x, cos, sin);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x, &weight})) {
      const int64_t channels = x.size(-1);
      const auto in = x.contiguous(), weights = weight.contiguous();
      auto out = at::empty(x.sizes(), x.options());
      at::parallel_for(
          0, x.numel() / channels, rows_per_thread(channels), [&](int64_t first, int64_t last) {
            kernels::rms_norm(element_of(x),
                              value_at(in, first * channels),
                              value_at(weights),
                              value_at(out, first * channels),
                              last - first,
                              channels,
                              static_cast<float>(eps));
          });
      return out;
    }
    if (gradient_kernels_apply({&x, &weight})) {
      return differentiable::rms_norm(x, weight, eps);
    }
  }
  return plain::rms_norm(x, weight, eps);
}

Tensor gelu_tanh(const Tensor& x) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x})) {
      const auto in = x.contiguous();
      auto out = at::empty(x.sizes(), x.options());
      at::parallel_for(0, x.numel(), rows_per_thread(1), [&](int64_t first, int64_t last) {
        kernels::gelu_tanh(element_of(x), value_at(in, first), value_at(out, first), last - first);
      });
      return out;
    }
    if (gradient_kernels_apply({&x})) {
      return differentiable::gelu_tanh(x);
    }
  }
  return plain::gelu_tanh(x);
}

Tensor silu_gate(const Tensor& x) {
  if constexpr (kHaveKernels) {
    if (kernels_apply({&x})) {
      const int64_t channels = x.size(-1) / 2;
      auto sizes = x.sizes().vec();
      sizes.back() = channels;
      const auto in = x.contiguous();
      auto out = at::empty(sizes, x.options());
      at::parallel_for(0,
                       x.numel() / (2 * channels),
                       rows_per_thread(2 * channels),
                       [&](int64_t first, int64_t last) {
                         kernels::silu_gate(element_of(x),
                                            value_at(in, first * 2 * channels),
                                            value_at(out, first * channels),
                                            last - first,
                                            channels);
                       });
      return out;
    }
    if (gradient_kernels_apply({&x})) {
      return differentiable::silu_gate(x);
    }
  }
  return plain::silu_gate(x);
}

}  // namespace glm_image::nn
