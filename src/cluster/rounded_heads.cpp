#include "cluster/rounded_heads.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

constexpr float kLargest = 127;
/// Minimum number of heads for a thread.
constexpr int64_t kHeadsAtOnce = 256;

/// The scale follows the integers, without alignment.
template <typename T>
void round_head(const T* values, int64_t dim, int8_t* bytes) {
  float largest = 0;
  bool is_finite = true;
  for (int64_t i = 0; i < dim; ++i) {
    const float magnitude = std::fabs(static_cast<float>(values[i]));
    is_finite = is_finite && magnitude <= std::numeric_limits<float>::max();
    largest = std::max(largest, magnitude);
  }
  float scale = largest / kLargest;
  float inverse = largest > 0 ? kLargest / largest : 0;
  if (!is_finite) {
    scale = std::numeric_limits<float>::quiet_NaN();
    inverse = 0;
  } else if (!std::isfinite(inverse)) {
    scale = inverse = 0;  // the smallest numbers, below 1e-36
  }
  for (int64_t i = 0; i < dim; ++i) {
    // NaN cannot be converted to an integer.
    const float scaled = is_finite ? static_cast<float>(values[i]) * inverse : 0;
    bytes[i] = static_cast<int8_t>(scaled + (scaled < 0 ? -0.5F : 0.5F));
  }
  std::memcpy(bytes + dim, &scale, sizeof scale);
}

template <typename T>
void read_head(const int8_t* bytes, int64_t dim, T* values) {
  float scale = 0;
  std::memcpy(&scale, bytes + dim, sizeof scale);
  for (int64_t i = 0; i < dim; ++i)
    values[i] = static_cast<T>(static_cast<float>(bytes[i]) * scale);
}

}  // namespace

Tensor rounded_heads(const Tensor& heads) {
  GLM_IMAGE_CHECK(heads.dim() == 4 && heads.is_floating_point(), "heads to round");
  const auto source = heads.detach().to(at::kCPU).contiguous();
  const int64_t dim = source.size(3), stride = rounded_head_bytes(dim);
  auto sizes = source.sizes().vec();
  sizes[3] = stride;
  auto bytes = at::empty(sizes, at::TensorOptions(at::kByte));
  auto* const out = reinterpret_cast<int8_t*>(bytes.data_ptr<uint8_t>());
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, source.scalar_type(), "rounded_heads", [&] {
        const auto* const in = source.data_ptr<scalar_t>();
        at::parallel_for(0, source.numel() / dim, kHeadsAtOnce, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) round_head(in + i * dim, dim, out + i * stride);
        });
      });
  return bytes;
}

Tensor heads_of_rounded(const Tensor& bytes, const at::TensorOptions& options) {
  GLM_IMAGE_CHECK(bytes.dim() == 4 && bytes.scalar_type() == at::kByte, "bytes of rounded heads");
  const auto source = bytes.contiguous();
  const int64_t stride = source.size(3), dim = stride - rounded_head_bytes(0);
  GLM_IMAGE_CHECK(dim > 0, "rounded heads of ", stride, " bytes");
  auto sizes = source.sizes().vec();
  sizes[3] = dim;
  auto heads = at::empty(sizes, options.device(at::kCPU));
  const auto* const in = reinterpret_cast<const int8_t*>(source.data_ptr<uint8_t>());
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, heads.scalar_type(), "heads_of_rounded", [&] {
        auto* const out = heads.data_ptr<scalar_t>();
        at::parallel_for(0, source.numel() / stride, kHeadsAtOnce, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) read_head(in + i * stride, dim, out + i * dim);
        });
      });
  return heads.to(options.device());
}

}  // namespace glm_image::cluster
