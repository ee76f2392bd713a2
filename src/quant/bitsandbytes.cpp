#include "quant/bitsandbytes.h"

#include "core/error.h"
#include "io/json_file.h"
#include "io/weight_binding.h"

namespace glm_image::quant::bitsandbytes {
namespace {

using io::ElementType;

constexpr const char* kStates[] = {"weight.quant_state.bitsandbytes__nf4",
                                   "weight.quant_state.bitsandbytes__fp4"};

const char* state_part(const ModuleParts& parts) {
  for (const char* const part : kStates) {
    if (parts.has(part)) return part;
  }
  return nullptr;
}

int64_t ceiling_quotient(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// Factor of each block, [blocks] float32.
Tensor block_factors(const ModuleParts& parts, const io::JsonFields& state, int64_t blocks) {
  if (!parts.has("weight.absmax", ElementType::kUInt8)) {
    return parts.floats("weight.absmax", {blocks});
  }
  const int64_t nested_size = state.required_int64("nested_blocksize", 1, int64_t{1} << 30);
  const auto offset = static_cast<float>(state.required_double("nested_offset"));
  const auto codes = parts.tensor("weight.absmax", ElementType::kUInt8, {blocks});
  const auto map = parts.floats("weight.nested_quant_map", {256});
  const auto factors =
      parts.floats("weight.nested_absmax", {ceiling_quotient(blocks, nested_size)});
  auto result = at::empty({blocks}, at::kFloat);
  for (int64_t b = 0; b < blocks; ++b) {
    result.data_ptr<float>()[b] = map.data_ptr<float>()[codes.data_ptr<uint8_t>()[b]] *
                                      factors.data_ptr<float>()[b / nested_size] +
                                  offset;
  }
  return result;
}

ReadFloats floats_of_4_bits(const ModuleParts& parts, int64_t out, int64_t in) {
  const char* const part = state_part(parts);
  constexpr size_t kMaxStateBytes = 4096;
  const auto text = parts.bytes(part);
  if (text.size() > kMaxStateBytes) parts.refuse(part, "a short JSON text");
  const io::JsonFields state(io::parse_json(text, part), part);
  if (state.required_int64_list("shape", 1, int64_t{1} << 40) != std::vector<int64_t>{out, in}) {
    state.refuse("shape", io::shape_text({out, in}));
  }
  const int64_t count = out * in;
  const int64_t block = state.required_int64("blocksize", 2, int64_t{1} << 30);
  const auto factors = block_factors(parts, state, ceiling_quotient(count, block));
  const auto map = parts.floats("weight.quant_map", {16});
  const auto packed = parts.bytes("weight");
  if (static_cast<int64_t>(packed.size()) != ceiling_quotient(count, 2)) {
    parts.refuse("weight", concat(ceiling_quotient(count, 2), " bytes"));
  }
  return [=](int64_t first, int64_t rows, float* values) {
    const auto* codes = reinterpret_cast<const uint8_t*>(packed.data());
    const auto* factor = factors.data_ptr<float>();
    const auto* value_of = map.data_ptr<float>();
    const int64_t start = first * in;
    at::parallel_for(start, start + rows * in, 1 << 16, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const int code = n % 2 == 0 ? codes[n / 2] >> 4 : codes[n / 2] & 15;
        values[n - start] = value_of[code] * factor[n / block];
      }
    });
  };
}

Tensor stored_8_bits(const ModuleParts& parts, int64_t out, int64_t in) {
  if (parts.has("weight_format")) {
    const auto format = parts.bytes("weight_format");
    if (format.size() != 1 || format[0] != 0) parts.refuse("weight_format", "0 (row by row)");
  }
  return parts.tensor("weight", ElementType::kInt8, {out, in});
}

ReadFloats floats_of_8_bits(const ModuleParts& parts, int64_t out, int64_t in) {
  const auto integers = stored_8_bits(parts, out, in);
  const auto largest = parts.floats("SCB", {out}).unsqueeze(1);
  return [=](int64_t first, int64_t rows, float* values) {
    at::from_blob(values, {rows, in}, at::kFloat)
        .copy_(integers.narrow(0, first, rows))
        .mul_(largest.narrow(0, first, rows))
        .div_(127);
  };
}

}  // namespace

bool recognises(const ModuleParts& parts) {
  return state_part(parts) != nullptr ||
         (parts.has("weight", ElementType::kInt8) && parts.has("SCB"));
}

ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in) {
  return state_part(parts) != nullptr ? floats_of_4_bits(parts, out, in)
                                      : floats_of_8_bits(parts, out, in);
}

std::optional<IntegerWeight> integers(const ModuleParts& parts, int64_t out, int64_t in) {
  if (state_part(parts) != nullptr) return std::nullopt;
  const auto stored = stored_8_bits(parts, out, in);
  const auto scales = parts.floats("SCB", {out}).unsqueeze(1) / 127;
  return byte_weight(stored, scales, parts.mapped_bytes("weight"));
}

}  // namespace glm_image::quant::bitsandbytes
