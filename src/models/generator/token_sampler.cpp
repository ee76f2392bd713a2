#include "models/generator/token_sampler.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace glm_image::models {

SamplingOptions SamplingOptions::from_json(const io::JsonFields& json) {
  SamplingOptions sampling;
  sampling.temperature = json.optional_double("temperature", 1.0, 1e-6, 1e6);
  sampling.top_p = json.optional_double("top_p", 1.0, 0.0, 1.0);
  sampling.top_k = json.optional_int64("top_k", 50, 0, int64_t{1} << 40);
  return sampling;
}

Tensor token_probabilities(const Tensor& logits, const SamplingOptions& options) {
  auto scores = logits.to(at::kCPU).to(at::kFloat) / options.temperature;
  if (options.top_k > 0 && options.top_k < scores.size(0)) {
    const auto kept = std::get<0>(scores.topk(options.top_k));
    scores = scores.masked_fill(scores < kept[-1], -INFINITY);
  }
  if (options.top_p < 1.0) {
    const auto [sorted, order] = scores.sort(/*dim=*/0, /*descending=*/false);
    const auto cumulative = at::softmax(sorted, 0).cumsum(0);
    auto dropped = cumulative <= (1.0 - options.top_p);
    dropped[-1].fill_(false);
    scores = scores.masked_fill(dropped.scatter(0, order, dropped), -INFINITY);
  }
  return at::softmax(scores, 0);
}

int64_t sample_token(const Tensor& probabilities, at::Generator& random) {
  // False for NaN too.
  if (!(probabilities.sum().item<float>() > 0)) {
    fail(ErrorCode::kInternal,
         "the generator's predictions have values that are not finite; try --dtype float32, and "
         "check the files of vision_language_encoder");
  }
  return at::multinomial(probabilities, 1, /*replacement=*/false, random).item<int64_t>();
}

int64_t sample_code(const Tensor& probabilities,
                    const Tensor& logits,
                    int64_t codes,
                    at::Generator& random) {
  const auto among_codes = probabilities.narrow(0, 0, codes);
  if (among_codes.sum().item<float>() > 0) {
    return sample_token(among_codes / among_codes.sum(), random);
  }
  const auto from_logits = logits.to(at::kCPU).to(at::kFloat).narrow(0, 0, codes);
  return sample_token(at::softmax(from_logits, 0), random);
}

}  // namespace glm_image::models
