#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "quant/float_rows.h"
#include "quant/integer_weight.h"
#include "quant/module_parts.h"

/// compressed-tensors.
///
/// pack-quantized: "weight_packed" I32 [out, words] holds the N-bit integers of each row, with half
/// of their range added. "weight_shape" has the sizes and "weight_scale" [out, groups] the factors.
/// "weight_zero_point" (packed along outputs) and "weight_g_idx" are optional.
///
/// int-quantized and float-quantized: "weight" I8 or F8_E4M3 [out, in] with "weight_scale" for the
/// tensor, each row, groups of a row or blocks, and for integers perhaps "weight_zero_point" I8 of
/// the same shape. "weight_g_idx" names the group of each input.
namespace glm_image::quant::compressed_tensors {

struct Config {
  std::set<int64_t> bits;  ///< num_bits of the config groups
};

/// From a quantization_config. Throws kUnsupported for formats that are not read.
Config parse_config(const nlohmann::json& json, const std::string& source);

bool recognises(const ModuleParts& parts);
/// Throws kCorruptFile for parts that do not fit each other or the shape.
ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config);
/// The same as integers; nothing where they are no form of the kernels. Throws as floats does.
std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config);

/// The value of an F8_E4M3 byte: sign, 4 bits of exponent (bias 7), 3 of mantissa; 7F and FF are
/// not numbers.
float value_of_float8(uint8_t bits);

}  // namespace glm_image::quant::compressed_tensors
