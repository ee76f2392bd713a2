#include "nn/differentiable.h"

#include "core/round_up.h"
#include "kernels/activation_gradient.h"
#include "kernels/normalization_gradient.h"
#include "kernels/rotary_gradient.h"
#include "nn/gradient_function.h"
#include "nn/token_runs.h"

namespace glm_image::nn::differentiable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// Splits rows into runs, each with its own partial sums. The run length depends only on the shape.
class RowRuns {
 public:
  /// `groups` groups of `rows` rows of `channels`; each group has `sums` float32 sums [channels].
  RowRuns(int64_t groups, int64_t rows, int64_t channels, int64_t sums)
      : rows_(rows),
        run_(rows_per_thread(channels)),
        runs_(divide_up(rows, run_)),
        partial_(at::zeros({groups, runs_, sums, channels}, at::kFloat)) {}

  /// Calls function(group, first row, rows, pointer to the sums of this run).
  template <typename Function>
  void for_each(const Function& function) const {
    float* partial = partial_.data_ptr<float>();
    at::parallel_for(
        0, partial_.size(0) * runs_, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i % runs_ * run_;
            function(
                i / runs_, first, std::min(run_, rows_ - first), partial + i * partial_.stride(1));
          }
        });
  }

  /// Returns sum `index` over all runs of each group, [groups, channels].
  Tensor total(int64_t index, at::ScalarType type) const {
    return partial_.select(2, index).sum(1).to(type);
  }

 private:
  int64_t rows_, run_, runs_;
  Tensor partial_;
};

struct ModulatedLayerNorm : Function<ModulatedLayerNorm> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& shift,
                        const Tensor& scale,
                        double eps) {
    context->save_for_backward({x, scale});
    context->saved_data["eps"] = eps;
    return nn::modulated_layer_norm(x, shift, scale, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto x = dense_tokens(saved[0]), scale = saved[1].contiguous();
    const auto dy = dense_tokens(gradients[0]);
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const int64_t channels = x.size(2);
    const auto dx = at::empty(x.sizes(), x.options());
    const RowRuns runs(x.size(0), x.size(1), channels, /*sums=*/2);
    runs.for_each([&](int64_t b, int64_t first, int64_t rows, float* sums) {
      const int64_t begin = first * channels;
      kernels::modulated_layer_norm_gradient(element_of(x),
                                             {value_at(x, b * x.stride(0) + begin),
                                              value_at(dy, b * dy.stride(0) + begin),
                                              value_at(dx, b * dx.stride(0) + begin),
                                              rows,
                                              channels,
                                              eps},
                                             value_at(scale, b * channels),
                                             /*dshift=*/sums,
                                             /*dscale=*/sums + channels);
    });
    const auto type = x.scalar_type();
    return {dx, runs.total(0, type), runs.total(1, type), Tensor()};
  }
};

struct GatedResidual : Function<GatedResidual> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& y,
                        const Tensor& gate) {
    context->save_for_backward({y, gate});
    return nn::gated_residual(x, y, gate);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto y = dense_tokens(saved[0]), gate = saved[1].contiguous();
    const auto d = dense_tokens(gradients[0]);
    const int64_t channels = y.size(2);
    const auto dy = at::empty(y.sizes(), y.options());
    const RowRuns runs(y.size(0), y.size(1), channels, /*sums=*/1);
    runs.for_each([&](int64_t b, int64_t first, int64_t rows, float* dgate) {
      const int64_t begin = first * channels;
      kernels::gated_residual_gradient(element_of(y),
                                       value_at(y, b * y.stride(0) + begin),
                                       value_at(gate, b * channels),
                                       value_at(d, b * d.stride(0) + begin),
                                       value_at(dy, b * dy.stride(0) + begin),
                                       dgate,
                                       rows,
                                       channels);
    });
    return {gradients[0], dy, runs.total(0, y.scalar_type())};
  }
};

struct HeadNormRotary : Function<HeadNormRotary> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& cos,
                        const Tensor& sin,
                        int64_t first_rotated,
                        double eps) {
    context->save_for_backward({x, cos, sin});
    context->saved_data["first_rotated"] = first_rotated;
    context->saved_data["eps"] = eps;
    return nn::head_norm_rotary(x, cos, sin, first_rotated, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto x = saved[0].contiguous(), cos = saved[1].contiguous(), sin = saved[2].contiguous();
    const auto dy = gradients[0].contiguous();
    const int64_t first_rotated = context->saved_data["first_rotated"].toInt();
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const int64_t heads = x.size(2), dim = x.size(3), rotated = cos.size(-1);
    const auto dx = at::empty(x.sizes(), x.options());
    const auto run = [&](int64_t b, int64_t first, int64_t last, bool turned) {
      if (first >= last) return;
      const int64_t begin = b * x.stride(0) + first * heads * dim;
      kernels::RotaryAngles angles;
      if (turned) {
        const int64_t at_token = (first - first_rotated) * rotated;
        angles = {cos.data_ptr<float>() + at_token, sin.data_ptr<float>() + at_token, rotated};
      }
      kernels::head_norm_rotary_gradient(
          element_of(x),
          {value_at(x, begin), value_at(dx, begin), last - first, heads, dim},
          value_at(dy, begin),
          angles,
          eps);
    };
    for_each_run_of_tokens(x, heads * dim, [&](int64_t b, int64_t first, int64_t last) {
      run(b, first, std::min(last, first_rotated), /*turned=*/false);
      run(b, std::max(first, first_rotated), last, /*turned=*/true);
    });
    return {dx, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

struct Rotary : Function<Rotary> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& cos,
                        const Tensor& sin) {
    context->save_for_backward({cos, sin});
    return nn::rotary(x, cos, sin);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    // The transpose of a rotation is the rotation by the opposite angle.
    return {nn::rotary(gradients[0], saved[0], saved[1].neg()), Tensor(), Tensor()};
  }
};

struct RmsNorm : Function<RmsNorm> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        double eps) {
    context->save_for_backward({x, weight});
    context->saved_data["eps"] = eps;
    return nn::rms_norm(x, weight, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto x = saved[0].contiguous(), weight = saved[1].contiguous();
    const auto dy = gradients[0].contiguous();
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const int64_t channels = x.size(-1);
    const auto dx = at::empty(x.sizes(), x.options());
    const RowRuns runs(/*groups=*/1, x.numel() / channels, channels, /*sums=*/1);
    runs.for_each([&](int64_t, int64_t first, int64_t rows, float* dweight) {
      const int64_t begin = first * channels;
      kernels::rms_norm_gradient(
          element_of(x),
          {value_at(x, begin), value_at(dy, begin), value_at(dx, begin), rows, channels, eps},
          value_at(weight),
          dweight);
    });
    return {dx, runs.total(0, weight.scalar_type()).view(saved[1].sizes()), Tensor()};
  }
};

struct GeluTanh : Function<GeluTanh> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return nn::gelu_tanh(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto x = context->get_saved_variables()[0].contiguous();
    const auto dy = gradients[0].contiguous();
    const auto dx = at::empty(x.sizes(), x.options());
    at::parallel_for(0, x.numel(), rows_per_thread(1), [&](int64_t first, int64_t last) {
      kernels::gelu_tanh_gradient(element_of(x),
                                  value_at(x, first),
                                  value_at(dy, first),
                                  value_at(dx, first),
                                  last - first);
    });
    return {dx};
  }
};

struct SiluGate : Function<SiluGate> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return nn::silu_gate(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto x = context->get_saved_variables()[0].contiguous();
    const auto dy = gradients[0].contiguous();
    const auto dx = at::empty(x.sizes(), x.options());
    const int64_t channels = dy.size(-1);
    at::parallel_for(0,
                     x.numel() / (2 * channels),
                     rows_per_thread(2 * channels),
                     [&](int64_t first, int64_t last) {
                       kernels::silu_gate_gradient(element_of(x),
                                                   value_at(x, first * 2 * channels),
                                                   value_at(dy, first * channels),
                                                   value_at(dx, first * 2 * channels),
                                                   last - first,
                                                   channels);
                     });
    return {dx};
  }
};

}  // namespace

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps) {
  return apply_function<ModulatedLayerNorm>(x, shift, scale, eps);
}

Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate) {
  return apply_function<GatedResidual>(x, y, gate);
}

Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps) {
  return apply_function<HeadNormRotary>(x, cos, sin, first_rotated, eps);
}

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  return apply_function<Rotary>(x, cos, sin);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return apply_function<RmsNorm>(x, weight, eps);
}

Tensor gelu_tanh(const Tensor& x) {
  return apply_function<GeluTanh>(x);
}

Tensor silu_gate(const Tensor& x) {
  return apply_function<SiluGate>(x);
}

}  // namespace glm_image::nn::differentiable
