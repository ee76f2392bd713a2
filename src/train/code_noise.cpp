#include "train/code_noise.h"

namespace glm_image::train {
namespace {

constexpr double kLost = 0.2;  // of the swapped: these show ground

}  // namespace

Tensor disturb_codes(const Tensor& codes,
                     const Tensor& kinds,
                     int64_t count_of_codes,
                     const CodeNoise& noise,
                     at::Generator& random) {
  const at::TensorOptions wide(at::kFloat);
  const auto device = codes.device();
  const int64_t batch = codes.size(0), tokens = codes.size(1);
  const auto wrong = at::rand(codes.sizes(), random, wide) < noise.random_share;
  const auto others =
      at::randint(count_of_codes, codes.sizes(), random, at::TensorOptions(at::kLong));
  const auto disturbed = at::where(wrong.to(device), others.to(device), codes);
  if (noise.most_swapped == 0) return disturbed;

  const auto share = (2 * at::rand({batch, 1}, random, wide) - 1).clamp_min(0) * noise.most_swapped;
  const auto swapped = (at::rand(codes.sizes(), random, wide) < share).logical_and(kinds > 0);
  const auto lost = at::rand(codes.sizes(), random, wide) < kLost;
  const auto wanted = kinds.masked_fill(lost, 0);
  const auto fits = wanted.unsqueeze(2) == kinds.unsqueeze(1);  // [B, tokens, tokens it may take]
  const auto lots = at::rand({batch, tokens, tokens}, random, wide);
  // A picture without ground has none to lose: such a token keeps its code.
  const auto from = at::where(fits.any(2),
                              lots.masked_fill(fits.logical_not(), -1).argmax(2),
                              at::arange(tokens).unsqueeze(0));
  return at::where(swapped.to(device), disturbed.gather(1, from.to(device)), disturbed);
}

}  // namespace glm_image::train
