#include "nn/group_norm.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/round_up.h"
#include "kernels/group_norm.h"
#include "nn/cpu_kernels.h"
#include "nn/gradient_function.h"

namespace glm_image::nn {
namespace {

/// Divides the cells of a batch of channels-last pictures into runs that fit the first-level cache,
/// and distributes them over all threads.
class CellRuns {
 public:
  explicit CellRuns(const Tensor& x)
      : channels_(x.size(1)),
        cells_(x.size(2) * x.size(3)),
        run_(std::max<int64_t>(kValuesInRun / channels_, 1)),
        runs_(divide_up(cells_, run_)),
        batch_(x.size(0)) {}

  /// function(picture, first value in the batch, cells)
  template <typename Function>
  void for_each(const Function& function) const {
    at::parallel_for(0, batch_ * runs_, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t picture = i / runs_, run = i % runs_, cell = run * run_;
        function(picture, (picture * cells_ + cell) * channels_, std::min(run_, cells_ - cell));
      }
    });
  }

  /// function(picture, first value, cells, sums, products) fills the sums over a run, float
  /// [channels] each; returns their totals over a picture, two double tensors [B, C].
  template <typename Function>
  std::pair<Tensor, Tensor> totals(const Function& function) const {
    const int64_t parts = std::min(runs_, kPartsOfPicture);
    const auto partial = at::zeros({batch_, parts, 2, channels_}, at::kDouble);
    at::parallel_for(0, batch_ * parts, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
      std::vector<float> sums(2 * channels_);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t picture = i / parts, part = i % parts;
        double* total = partial.data_ptr<double>() + i * 2 * channels_;
        for (int64_t run = runs_ * part / parts; run < runs_ * (part + 1) / parts; ++run) {
          const int64_t cell = run * run_;
          function(picture,
                   (picture * cells_ + cell) * channels_,
                   std::min(run_, cells_ - cell),
                   sums.data(),
                   sums.data() + channels_);
          for (int64_t c = 0; c < 2 * channels_; ++c) total[c] += sums[c];
        }
      }
    });
    const auto total = partial.sum(1);  // [B, 2, C]
    return {total.select(1, 0), total.select(1, 1)};
  }

  int64_t cells() const { return cells_; }

 private:
  static constexpr int64_t kValuesInRun = 8192;
  /// Values of a run, which has its own partial sums. Fixed, so that results do not depend on the
  /// number of threads.
  static constexpr int64_t kPartsOfPicture = 256;
  int64_t channels_, cells_, run_, runs_, batch_;
};

/// [B, C] → [B, G, C/G]
Tensor by_group(const Tensor& per_channel, int64_t groups) {
  return per_channel.view({per_channel.size(0), groups, -1});
}

/// Mean over a group of per-channel means, given back to each of its channels, [B, C].
Tensor group_mean(const Tensor& per_channel, int64_t groups) {
  const auto grouped = by_group(per_channel, groups);
  return grouped.mean(-1, /*keepdim=*/true).expand_as(grouped).reshape(per_channel.sizes());
}

kernels::ChannelScales scales_of(const Tensor& scale, const Tensor& shift, int64_t picture) {
  const int64_t first = picture * scale.size(1);
  return {scale.data_ptr<float>() + first, shift.data_ptr<float>() + first};
}

/// Mean and 1/√(variance + eps) of the group of each channel, double [B, C].
std::pair<Tensor, Tensor> group_statistics(const Tensor& x, int64_t groups, double eps) {
  const CellRuns runs(x);
  const auto [sums, squares] =
      runs.totals([&](int64_t, int64_t first, int64_t cells, float* run_sums, float* run_squares) {
        kernels::channel_sums(
            element_of(x), {value_at(x, first), cells, x.size(1)}, run_sums, run_squares);
      });
  const auto mean = group_mean(sums / runs.cells(), groups);
  const auto variance = group_mean(squares / runs.cells(), groups) - mean * mean;
  return {mean, (variance.clamp_min(0) + eps).rsqrt()};
}

GroupNormScales scales_from(const Tensor& mean,
                            const Tensor& inverse,
                            const Tensor& weight,
                            const Tensor& bias) {
  const auto scale = inverse * weight.to(at::kDouble);
  return {scale.to(at::kFloat), (bias.to(at::kDouble) - mean * scale).to(at::kFloat)};
}

struct GroupNormSilu : torch::autograd::Function<GroupNormSilu> {
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const Tensor& x,
                        int64_t groups,
                        const Tensor& weight,
                        const Tensor& bias,
                        double eps) {
    const CellRuns runs(x);
    const auto element = element_of(x);
    const int64_t channels = x.size(1);
    const auto [mean, inverse] = group_statistics(x, groups, eps);
    const auto norm = scales_from(mean, inverse, weight, bias);
    const auto &scale = norm.scale, &shift = norm.shift;

    auto out = at::empty_like(x, x.options(), at::MemoryFormat::ChannelsLast);
    runs.for_each([&](int64_t picture, int64_t first, int64_t cells) {
      kernels::scaled_silu(element,
                           {value_at(x, first), cells, channels},
                           scales_of(scale, shift, picture),
                           value_at(out, first));
    });
    context->save_for_backward({x, weight, scale, shift, mean, inverse});
    context->saved_data["groups"] = groups;
    return out;
  }

  // With x̂ = (x − mean)·inverse and du the gradient of weight·x̂ + bias:
  //   dweight = Σ du·x̂,  dbias = Σ du,
  //   dx = inverse·(weight·du − m₁ − x̂·m₂), m₁ and m₂ the means over the group of weight·du and of
  //   weight·du·x̂.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &scale = saved[2], &shift = saved[3],
               &mean = saved[4], &inverse = saved[5];
    const int64_t groups = context->saved_data["groups"].toInt(), channels = x.size(1);
    const auto dy = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    const CellRuns runs(x);
    const auto element = element_of(x);

    const auto [sums, products] = runs.totals(
        [&](int64_t picture, int64_t first, int64_t cells, float* run_sums, float* run_products) {
          kernels::scaled_silu_gradient_sums(element,
                                             {value_at(x, first), cells, channels},
                                             value_at(dy, first),
                                             scales_of(scale, shift, picture),
                                             run_sums,
                                             run_products);
        });
    const auto normed_products = (products - mean * sums) * inverse;  // Σ du·x̂, [B, C]
    const auto w = weight.to(at::kDouble);
    const auto mean_du = group_mean(w * sums / runs.cells(), groups);
    const auto mean_product = group_mean(w * normed_products / runs.cells(), groups);
    const auto slope = (-inverse * inverse * mean_product).to(at::kFloat).contiguous();
    const auto offset =
        (inverse * (inverse * mean_product * mean - mean_du)).to(at::kFloat).contiguous();

    const auto dx = at::empty_like(x, x.options(), at::MemoryFormat::ChannelsLast);
    runs.for_each([&](int64_t picture, int64_t first, int64_t cells) {
      kernels::scaled_silu_gradient(element,
                                    {value_at(x, first), cells, channels},
                                    value_at(dy, first),
                                    scales_of(scale, shift, picture),
                                    slope.data_ptr<float>() + picture * channels,
                                    offset.data_ptr<float>() + picture * channels,
                                    value_at(dx, first));
    });
    return {dx,
            Tensor(),
            normed_products.sum(0).to(weight.scalar_type()),
            sums.sum(0).to(weight.scalar_type()),
            Tensor()};
  }
};

bool fused_form_applies(const Tensor& x) {
  return (kernels_apply({&x}) || gradient_kernels_apply({&x})) && x.dim() == 4 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

Tensor group_norm_silu(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  if constexpr (kHaveKernels) {
    if (fused_form_applies(x)) return GroupNormSilu::apply(x, groups, weight, bias, eps);
  }
  return plain::group_norm_silu(x, groups, weight, bias, eps);
}

GroupNormScales group_norm_scales(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  if constexpr (kHaveKernels) {
    const auto [mean, inverse] = group_statistics(x, groups, eps);
    return scales_from(mean, inverse, weight, bias);
  }
  fail(ErrorCode::kInternal, "a fused norm in a build without kernels");
}

namespace plain {

Tensor group_norm(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  // LibTorch's CPU kernel takes channels last as it is. Its form for devices without a kernel of
  // their own views the groups of a contiguous tensor, which LibTorch 2 does not make for plugins.
  return at::group_norm(x.device().is_cpu() ? x : x.contiguous(), groups, weight, bias, eps);
}

Tensor group_norm_silu(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  auto normed = plain::group_norm(x, groups, weight, bias, eps);
  // In place if nothing needs the previous values: at full picture size each tensor takes
  // gigabytes.
  return at::GradMode::is_enabled() ? at::silu(normed) : at::silu_(normed);
}

}  // namespace plain

}  // namespace glm_image::nn
