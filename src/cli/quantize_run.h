#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"
#include "quant/weight_form.h"

namespace glm_image::cli {

/// Options of `quantize`, as written on the command line.
struct QuantizeOptions {
  std::string model, output, weights = "q8", rules;
  uint64_t shard_bytes = 5'000'000'000;
  bool dry_run = false, quiet = false;
  int threads = 0;
};

/// The forms that the options ask for. Throws kInvalidInput for options that do not go together and
/// for a wrong rule.
quant::FormRules form_rules(const QuantizeOptions& options);

/// Prints the sizes and writes the copy.
void run_quantize(const QuantizeOptions& options);

}  // namespace glm_image::cli
