#include "train/lora/check_lora_options.h"

#include <cmath>

#include "core/error.h"
#include "train/lora/base_adapters.h"

namespace glm_image::train {
namespace {

constexpr const char* kCosineRate = "cosine";

void require_finite(const char* option, double value) {
  if (std::isfinite(value)) return;
  fail(ErrorCode::kInvalidInput, option, " must be a finite number; found ", value);
}

}  // namespace

bool falls_to_zero(const LoraOptions& options) {
  return options.lr_scheduler == kCosineRate;
}

void check_lora_options(const LoraOptions& options) {
  require_finite("--learning-rate", options.learning_rate);
  require_finite("--alpha", options.alpha);
  require_finite("--prior-loss-weight", options.prior_loss_weight);
  if (options.prior_loss_weight < 0) {
    fail(ErrorCode::kInvalidInput,
         "--prior-loss-weight must not be negative; found ",
         options.prior_loss_weight);
  }
  if (options.lr_scheduler != "constant" && !falls_to_zero(options)) {
    fail(ErrorCode::kInvalidInput,
         "--lr-scheduler must be constant or ",
         kCosineRate,
         "; found '",
         options.lr_scheduler,
         "'");
  }
  if (!(options.input_dropout >= 0 && options.input_dropout <= 1)) {
    fail(ErrorCode::kInvalidInput,
         "--input-dropout must be a number from 0 to 1; found ",
         options.input_dropout);
  }
  require_finite("--checkpoint-seconds", options.checkpoint_seconds);
  if (options.output.extension() != kAdapterSuffix) {
    fail(ErrorCode::kInvalidInput,
         "--output must be a file that ends in ",
         kAdapterSuffix,
         "; found ",
         options.output.string());
  }
  if (!options.transformer && !options.generator) {
    fail(ErrorCode::kInvalidInput, "--parts must name transformer, generator or both");
  }
  check_base_adapters(options);
}

}  // namespace glm_image::train
