#include "nano/training/swapped_codes.h"

namespace glm_image::nano {
namespace {

constexpr double kLost = 0.2;  // fraction of the swapped codes that become background

}  // namespace

Tensor with_swapped_codes(const Tensor& codes,
                          const Tensor& kinds,
                          double most,
                          at::Generator& random) {
  if (most == 0) return codes;
  const at::TensorOptions wide(at::kFloat);
  const auto device = codes.device();
  const int64_t batch = codes.size(0), tokens = codes.size(1);
  const auto share = (2 * at::rand({batch, 1}, random, wide) - 1).clamp_min(0) * most;
  const auto swapped = (at::rand(codes.sizes(), random, wide) < share).logical_and(kinds > 0);
  const auto lost = at::rand(codes.sizes(), random, wide) < kLost;
  const auto wanted = kinds.masked_fill(lost, 0);
  const auto fits = wanted.unsqueeze(2) == kinds.unsqueeze(1);  // [B, tokens, candidates]
  const auto lots = at::rand({batch, tokens, tokens}, random, wide);
  // In a picture without background, the token keeps its code.
  const auto from = at::where(fits.any(2),
                              lots.masked_fill(fits.logical_not(), -1).argmax(2),
                              at::arange(tokens).unsqueeze(0));
  return at::where(swapped.to(device), codes.gather(1, from.to(device)), codes);
}

}  // namespace glm_image::nano
