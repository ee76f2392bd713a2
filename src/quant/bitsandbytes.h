#pragma once

#include "quant/float_rows.h"
#include "quant/integer_weight.h"
#include "quant/module_parts.h"

/// bitsandbytes.
///
/// 4 bits: "weight" holds the codes of W row by row, two a byte, the first in the high half, as a
/// tensor of any type (bnb_4bit_quant_storage).
/// "weight.quant_map" has the 16 values of codes. "weight.absmax" has the factor of each block of
/// values; nested factors are quantised themselves. "weight.quant_state.bitsandbytes__nf4" or
/// "…__fp4" is a JSON text with the sizes.
///
/// 8 bits: "weight" I8 [out, in] and "SCB" F32 [out], W = weight · SCB/127.
namespace glm_image::quant::bitsandbytes {

bool recognises(const ModuleParts& parts);
/// Throws kCorruptFile for parts that do not fit each other or the shape.
ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in);
/// The same as integers for 8 bits, up to the rounding of SCB/127 to float32; nothing for 4 bits.
/// Throws as floats does.
std::optional<IntegerWeight> integers(const ModuleParts& parts, int64_t out, int64_t in);

}  // namespace glm_image::quant::bitsandbytes
