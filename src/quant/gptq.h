#pragma once

#include <nlohmann/json.hpp>

#include "quant/float_rows.h"
#include "quant/integer_weight.h"
#include "quant/module_parts.h"

/// The layout of GPTQ and AutoRound: "qweight" I32 [in·N/32, out] (N-bit integers of one output,
/// eight consecutive inputs a word at 4 bits), "qzeros" I32 [groups, out·N/32], "scales" [groups,
/// out] and perhaps "g_idx" I32 [in]. W[o, i] = scales[g, o] · (q[o, i] − z[g, o]).
namespace glm_image::quant::gptq {

struct Config {
  /// The file stores zero − 1: GPTQ's first convention, and that of AutoRound's "auto_gptq".
  bool zeros_are_less_one = true;
  /// All zero points must be the middle of the range. If the file does not say, any may be.
  bool symmetric = false;
};

/// From a quantization_config. Throws kUnsupported for other layouts under the same name.
Config parse_config(const nlohmann::json& json, const std::string& source);

bool recognises(const ModuleParts& parts);
/// Throws kCorruptFile for parts that do not fit each other or the shape, kUnsupported for bits
/// other than 2, 3, 4 and 8.
ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config);
/// The same as integers; nothing where they are no form of the kernels. Throws as floats does.
std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config);

}  // namespace glm_image::quant::gptq
