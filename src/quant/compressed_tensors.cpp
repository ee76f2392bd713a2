#include "quant/compressed_tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "core/error.h"
#include "io/shown.h"
#include "io/weight_binding.h"
#include "quant/bit_string.h"

namespace glm_image::quant::compressed_tensors {
namespace {

using io::ElementType;

int64_t words_for(int64_t values, int64_t bits) {
  return (values * bits + 31) / 32;
}

/// Older files put as many whole values into each word as fit and leave the rest empty.
int64_t words_of_whole_values(int64_t values, int64_t bits) {
  const int64_t in_word = 32 / bits;
  return (values + in_word - 1) / in_word;
}

struct RowLayout {
  int64_t bits;
  bool is_dense;
};

/// How `values` integers lie in `words` words; the config's bits decide between layouts of the same
/// width.
RowLayout row_layout(const ModuleParts& parts,
                     int64_t values,
                     int64_t words,
                     const Config& config) {
  for (const bool only_configured : {true, false}) {
    for (int64_t bits = 2; bits <= 8; ++bits) {
      if (only_configured && config.bits.count(bits) == 0) continue;
      if (words_for(values, bits) == words) return {bits, true};
      if (words_of_whole_values(values, bits) == words) return {bits, false};
    }
  }
  parts.refuse("weight_packed", concat("rows of ", values, " integers of 2 to 8 bits"));
}

uint32_t packed_value(const char* row, int64_t index, const RowLayout& layout) {
  if (layout.is_dense) return bits_at(row, index, layout.bits);
  const int64_t in_word = 32 / layout.bits;
  return (word_at(row, index / in_word) >> (index % in_word * layout.bits)) &
         ((1U << layout.bits) - 1U);
}

/// Zero points [out, groups]; they are packed along outputs, [words, groups].
std::vector<int32_t> packed_zero_points(const ModuleParts& parts,
                                        int64_t out,
                                        int64_t groups,
                                        const RowLayout& layout) {
  std::vector<int32_t> zeros(out * groups, 0);
  if (!parts.has("weight_zero_point")) return zeros;
  const int64_t words =
      layout.is_dense ? words_for(out, layout.bits) : words_of_whole_values(out, layout.bits);
  const auto stored = parts.tensor("weight_zero_point", ElementType::kInt32, {words, groups});
  const auto columns = stored.t().contiguous();  // [groups, words]
  const auto* bytes = static_cast<const char*>(columns.data_ptr());
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t o = 0; o < out; ++o) {
      const auto u = packed_value(bytes + 4 * g * words, o, layout);
      zeros[o * groups + g] = static_cast<int32_t>(u) - (1 << (layout.bits - 1));
    }
  }
  return zeros;
}

/// The checked parts of a pack-quantized weight.
struct PackedWeight {
  PackedWeight(const ModuleParts& parts, int64_t out, int64_t in, const Config& config) {
    const auto& packed_shape = parts.entry("weight_packed")->shape;
    if (packed_shape.size() != 2) parts.refuse("weight_packed", "a matrix");
    words = packed_shape[1];
    layout = row_layout(parts, in, words, config);
    packed = parts.tensor("weight_packed", ElementType::kInt32, {out, words});
    if (parts.has("weight_shape")) {
      const bool is_wide = parts.has("weight_shape", ElementType::kInt64);
      const auto shape =
          parts.tensor("weight_shape", is_wide ? ElementType::kInt64 : ElementType::kInt32, {2})
              .to(at::kLong);
      if (shape[0].item<int64_t>() != out || shape[1].item<int64_t>() != in) {
        parts.refuse("weight_shape", concat("the sizes ", out, " and ", in));
      }
    }
    const auto* scale_entry = parts.entry("weight_scale");
    groups = scale_entry != nullptr && scale_entry->shape.size() == 2 ? scale_entry->shape[1] : 0;
    if (groups < 1 || (!parts.has("weight_g_idx") && in % groups != 0)) {
      parts.refuse("weight_scale", concat("[", out, ", groups] with groups that divide ", in));
    }
    scales = parts.stored_floats("weight_scale", {out, groups});
    zeros = packed_zero_points(parts, out, groups, layout);
    group_of = group_of_inputs(parts, "weight_g_idx", in, groups);
  }
  const char* row(int64_t o) const {
    return static_cast<const char*>(packed.data_ptr()) + 4 * o * words;
  }
  /// Input i of a row, less half of the range.
  int32_t integer(const char* row, int64_t i) const {
    return static_cast<int32_t>(packed_value(row, i, layout)) - (1 << (layout.bits - 1));
  }

  int64_t words = 0, groups = 0;
  RowLayout layout{};
  Tensor packed;                  ///< [out, words]
  Tensor scales;                  ///< [out, groups], as stored
  std::vector<int32_t> zeros;     ///< [out, groups]
  std::vector<int32_t> group_of;  ///< of each input
};

ReadFloats floats_of_packed(const ModuleParts& parts,
                            int64_t out,
                            int64_t in,
                            const Config& config) {
  const auto stored = std::make_shared<const PackedWeight>(parts, out, in, config);
  const auto scales = stored->scales.to(at::kFloat).contiguous();
  return [stored, scales, in](int64_t first, int64_t rows, float* values) {
    const auto* scale = scales.data_ptr<float>();
    at::parallel_for(0, rows, /*grain_size=*/16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const char* const row = stored->row(first + r);
        for (int64_t i = 0; i < in; ++i) {
          const int64_t at = (first + r) * stored->groups + stored->group_of[i];
          values[r * in + i] =
              static_cast<float>(stored->integer(row, i) - stored->zeros[at]) * scale[at];
        }
      }
    });
  };
}

std::optional<IntegerWeight> packed_integers(const ModuleParts& parts,
                                             int64_t out,
                                             int64_t in,
                                             const Config& config) {
  const auto stored = std::make_shared<const PackedWeight>(parts, out, in, config);
  if (!groups_in_order(stored->group_of, stored->groups)) return std::nullopt;
  const int64_t group = in / stored->groups;
  const auto& zeros = stored->zeros;
  const bool symmetric = std::all_of(zeros.begin(), zeros.end(), [](auto z) { return z == 0; });
  const int64_t stored_bits = stored->layout.bits;
  if (!symmetric && stored_bits == 8) return std::nullopt;
  const int bits = symmetric && stored_bits <= 4 ? 4 : 8;
  const auto read = [stored, in, group, symmetric](int64_t first, int64_t rows, int8_t* values) {
    for (int64_t r = 0; r < rows; ++r) {
      const char* const row = stored->row(first + r);
      int8_t* to = values + r * in;
      if (symmetric && stored->layout.bits == 4 && in % 8 == 0) {
        for (int64_t w = 0; w < in / 8; ++w) {
          const uint64_t eight = nibbles_less_8(word_at(row, w));
          std::memcpy(to + 8 * w, &eight, sizeof eight);
        }
        continue;
      }
      for (int64_t i = 0; i < in; ++i) {
        const auto zero = stored->zeros[(first + r) * stored->groups + i / group];
        to[i] = static_cast<int8_t>(stored->integer(row, i) - zero);
      }
    }
  };
  std::optional<nn::StoredWords> words;
  if (symmetric && stored_bits == bits) words = {parts.mapped_bytes("weight_packed"), true, false};
  return integer_weight(out, in, bits, stored->scales, read, words);
}

/// The checked parts of a weight with a byte for each value.
struct ByteWeight {
  ByteWeight(const ModuleParts& parts, int64_t rows, int64_t columns) : out(rows), in(columns) {
    const auto& entry = *parts.entry("weight");
    if (entry.shape != std::vector<int64_t>{out, in}) {
      parts.refuse("weight", io::shape_text({out, in}));
    }
    is_float8 = entry.type == ElementType::kFloat8E4M3;
    bytes = parts.mapped_bytes("weight");
    const auto shape = scale_shape(parts);
    scales = as_matrix(parts.stored_floats("weight_scale", shape));
    if (!is_float8 && parts.has("weight_zero_point")) {
      zeros = as_matrix(parts.tensor("weight_zero_point", ElementType::kInt8, shape));
    }
    group_of = group_of_inputs(parts, "weight_g_idx", in, scales.size(1));
    if (is_float8) check_finite(parts);
  }
  /// The row of scales that output o has.
  int64_t scale_row(int64_t o) const { return o / (out / scales.size(0)); }

  int64_t out, in;
  bool is_float8 = false;
  Tensor bytes;                   ///< of the weight, [out · in]
  Tensor scales;                  ///< as stored, [rows that divide out, groups]
  Tensor zeros;                   ///< of the same shape; undefined without zero points
  std::vector<int32_t> group_of;  ///< of each input

 private:
  /// [], [1] or a matrix whose sides divide the weight's. With "weight_g_idx" groups may have any
  /// number.
  std::vector<int64_t> scale_shape(const ModuleParts& parts) const {
    const auto* entry = parts.entry("weight_scale");
    if (entry == nullptr) parts.refuse("weight_scale", "present");
    const auto& shape = entry->shape;
    const bool is_scalar = shape.empty() || shape == std::vector<int64_t>{1};
    const bool divides = shape.size() == 2 && shape[0] > 0 && shape[1] > 0 && out % shape[0] == 0 &&
                         (in % shape[1] == 0 || parts.has("weight_g_idx"));
    if (!is_scalar && !divides) {
      parts.refuse("weight_scale",
                   concat("one number, or rows and columns that divide ", out, " and ", in));
    }
    return shape;
  }
  static Tensor as_matrix(const Tensor& values) {
    return values.dim() == 2 ? values : values.reshape({1, 1});
  }
  void check_finite(const ModuleParts& parts) const {
    const auto* begin = bytes.data_ptr<uint8_t>();
    const auto is_finite = [](uint8_t byte) { return (byte & 127) != 127; };
    if (!std::all_of(begin, begin + bytes.numel(), is_finite)) {
      parts.refuse("weight", "finite numbers");
    }
  }
};

ReadFloats floats_of_bytes(const ModuleParts& parts, int64_t out, int64_t in) {
  static const auto kFloat8 = [] {
    std::array<float, 256> values{};
    for (int i = 0; i < 256; ++i) values[i] = value_of_float8(static_cast<uint8_t>(i));
    return values;
  }();
  const auto stored = std::make_shared<const ByteWeight>(parts, out, in);
  const auto scales = stored->scales.to(at::kFloat).contiguous();
  const auto zeros =
      stored->zeros.defined() ? stored->zeros.to(at::kFloat).contiguous() : at::zeros_like(scales);
  return [stored, scales, zeros, in](int64_t first, int64_t rows, float* values) {
    const auto* bytes = stored->bytes.data_ptr<uint8_t>();
    at::parallel_for(0, rows, /*grain_size=*/16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const auto* row = bytes + (first + r) * in;
        const int64_t at = stored->scale_row(first + r) * scales.size(1);
        const auto* scale = scales.data_ptr<float>() + at;
        const auto* zero = zeros.data_ptr<float>() + at;
        for (int64_t i = 0; i < in; ++i) {
          const int32_t g = stored->group_of[i];
          const float value = stored->is_float8 ? kFloat8[row[i]] : static_cast<int8_t>(row[i]);
          values[r * in + i] = (value - zero[g]) * scale[g];
        }
      }
    });
  };
}

std::optional<IntegerWeight> byte_integers(const ModuleParts& parts, int64_t out, int64_t in) {
  if (parts.has("weight", ElementType::kFloat8E4M3)) return std::nullopt;
  const ByteWeight stored(parts, out, in);
  if (stored.zeros.defined() || !groups_in_order(stored.group_of, stored.scales.size(1))) {
    return std::nullopt;
  }
  // Rows of the weight that share a row of scales get one each.
  const auto scales = stored.scales.repeat_interleave(out / stored.scales.size(0), 0);
  const auto integers = parts.tensor("weight", ElementType::kInt8, {out, in});
  return byte_weight(integers, scales, stored.bytes);
}

}  // namespace

float value_of_float8(uint8_t bits) {
  const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  if ((bits & 127) == 127) value = std::numeric_limits<float>::quiet_NaN();
  return (bits & 128) != 0 ? -value : value;
}

Config parse_config(const nlohmann::json& json, const std::string& source) {
  const auto check = [&](const nlohmann::json& object, const char* key, auto... known) {
    if (!object.contains(key) || object[key].is_null()) return;
    const auto& value = object[key];
    for (const char* const name : {known...}) {
      if (value == name) return;
    }
    refuse_config(source, key, value);
  };
  const auto check_format = [&](const nlohmann::json& object) {
    check(object,
          "format",
          "pack-quantized",
          "int-quantized",
          "float-quantized",
          "naive-quantized",
          "mixed-precision");
  };
  check_format(json);
  check(json, "quantization_status", "compressed");
  Config config;
  if (!json.contains("config_groups") || !json["config_groups"].is_object()) return config;
  for (const auto& [name, group] : json["config_groups"].items()) {
    if (!group.is_object()) continue;
    check_format(group);
    if (!group.contains("weights") || !group["weights"].is_object()) continue;
    const auto bits = group["weights"].value("num_bits", nlohmann::json());
    if (bits.is_number_integer()) config.bits.insert(bits.get<int64_t>());
  }
  return config;
}

bool recognises(const ModuleParts& parts) {
  const bool is_bytes =
      parts.has("weight", ElementType::kInt8) || parts.has("weight", ElementType::kFloat8E4M3);
  return parts.has("weight_packed") || (is_bytes && parts.has("weight_scale"));
}

ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config) {
  return parts.has("weight_packed") ? floats_of_packed(parts, out, in, config)
                                    : floats_of_bytes(parts, out, in);
}

std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config) {
  return parts.has("weight_packed") ? packed_integers(parts, out, in, config)
                                    : byte_integers(parts, out, in);
}

}  // namespace glm_image::quant::compressed_tensors
