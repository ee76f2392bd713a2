#pragma once

#include <optional>

#include "core/torch.h"

namespace glm_image::nn {

/// at::conv2d: x [B, C_in, H, W], weight [C_out, C_in, k, k], bias [C_out].
///
/// oneDNN's bfloat16 convolutions are wrong for some sizes on some CPUs: 2.7 (LibTorch 1.13) the
/// gradient of the weight with tile instructions (AMX), 3.7 (LibTorch 2.6) the gradient of x for
/// odd C_out with AVX512_BF16. On the CPU each kind of convolution is therefore tried once per
/// process, and results that are wrong are computed in float32 (nn/convolution_trial.h).
Tensor conv2d(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding);

struct ConvolutionGeometry {
  int64_t kernel = 3, stride = 1;
  int64_t padding = 1;  ///< zeros around the picture
  int64_t extra = 0;    ///< more zeros on its right and below it
};

/// The input of a convolution: x [B, C, H, W], with an optional norm and upsampling. A fused
/// convolution applies these a few rows at a time.
struct ConvolutionInput {
  struct Norm {
    int64_t groups;
    Tensor weight, bias;
    double eps;
  };

  // NOLINTNEXTLINE(google-explicit-constructor): most convolutions read a tensor as it is
  ConvolutionInput(Tensor picture) : x(std::move(picture)) {}

  Tensor x;
  std::optional<Norm> norm;  ///< silu(group_norm(x))
  bool doubled = false;      ///< upsampled by 2 with nearest neighbours
};

/// x with its sides doubled, for a convolution to read.
ConvolutionInput doubled(Tensor x);

/// Additions to the result of a convolution.
struct ConvolutionOutput {
  Tensor residual;                     ///< added; undefined for none
  std::optional<at::ScalarType> type;  ///< of the result; that of the weight when absent
};

/// residual + conv(input).
///
/// With a bfloat16 weight on the CPU, and no gradient to compute, a fused form runs, which reads x
/// of any floating type: sums, norms and the residual are float32 before the result is rounded, the
/// result lies channels last, and nothing of the picture's size exists beside x, the residual and
/// the result. The result reuses the memory of the residual, or of an x at least as large, if
/// nothing else refers to it.
Tensor convolution(ConvolutionInput input,
                   const Tensor& weight,
                   const Tensor& bias,
                   const ConvolutionGeometry& geometry,
                   ConvolutionOutput output = {});

/// Number of operations of a convolution with `cells` output cells, two for each product of the
/// equation. A fused form may need fewer. On the CPU a convolution reports its work in these
/// (core/work_meter).
inline double convolution_operations(int64_t cells, int64_t in, int64_t out, int64_t kernel) {
  return 2.0 * static_cast<double>(cells * kernel * kernel) * static_cast<double>(in * out);
}

/// Whether `convolution` in bfloat16 is faster on this CPU than in float32.
bool bfloat16_convolution_pays();

}  // namespace glm_image::nn
