#include "quant/sdnq.h"

#include <algorithm>
#include <memory>

#include "core/error.h"
#include "io/shown.h"
#include "io/weight_binding.h"

namespace glm_image::quant::sdnq {
namespace {

using io::ElementType;

/// Unpacks one block of packed bytes into the values that it holds.
struct Packing {
  int64_t bytes;   ///< of a block
  int64_t values;  ///< in a block
  void (*unpack)(const uint8_t* b, uint8_t* e);
};

void unpack_2(const uint8_t* b, uint8_t* e) {
  for (int i = 0; i < 4; ++i) e[i] = (b[0] >> (2 * i)) & 3;
}

void unpack_3(const uint8_t* b, uint8_t* e) {
  for (int i = 0; i < 3; ++i) {
    e[i] = b[i] & 7;
    e[3 + i] = (b[i] >> 3) & 7;
  }
  e[6] = (b[0] >> 6) | ((b[2] >> 4) & 4);
  e[7] = (b[1] >> 6) | ((b[2] >> 5) & 4);
}

void unpack_4(const uint8_t* b, uint8_t* e) {
  e[0] = b[0] & 15;
  e[1] = b[0] >> 4;
}

void unpack_5(const uint8_t* b, uint8_t* e) {
  for (int i = 0; i < 5; ++i) e[i] = b[i] & 31;
  e[5] = (b[0] >> 5) | ((b[3] >> 2) & 24);
  e[6] = (b[1] >> 5) | ((b[4] >> 2) & 24);
  e[7] = (b[2] >> 5) | ((b[3] >> 3) & 16) | ((b[4] >> 4) & 8);
}

void unpack_6(const uint8_t* b, uint8_t* e) {
  for (int i = 0; i < 3; ++i) e[i] = b[i] & 63;
  e[3] = ((b[0] >> 2) & 48) | ((b[1] >> 4) & 12) | (b[2] >> 6);
}

void unpack_7(const uint8_t* b, uint8_t* e) {
  e[7] = 0;
  for (int i = 0; i < 7; ++i) {
    e[i] = b[i] & 127;
    e[7] |= static_cast<uint8_t>((b[i] >> 7) << (6 - i));
  }
}

void unpack_8(const uint8_t* b, uint8_t* e) {
  e[0] = b[0];
}

constexpr Packing kPackings[] = {{1, 4, unpack_2},
                                 {3, 8, unpack_3},
                                 {1, 2, unpack_4},
                                 {5, 8, unpack_5},
                                 {3, 4, unpack_6},
                                 {7, 8, unpack_7},
                                 {1, 1, unpack_8}};

/// The checked parts of a weight.
struct Weight {
  Weight(const ModuleParts& parts, int64_t rows, int64_t columns)
      : out(rows), in(columns), stored(parts.bytes("weight")) {
    is_int8 = parts.has("weight", ElementType::kInt8);
    if (!is_int8 && !parts.has("weight", ElementType::kUInt8)) {
      parts.refuse("weight", "U8 or I8 beside a scale");
    }
    const int64_t count = out * in;
    bits = 8 * static_cast<int64_t>(stored.size()) / count;
    if (bits < 2 || bits > 8 || bits * count != 8 * static_cast<int64_t>(stored.size())) {
      parts.refuse("weight", concat(count, " integers of 2 to 8 bits"));
    }
    if (is_int8 && bits != 8) parts.refuse("weight", "U8 for fewer than 8 bits");
    packing = &kPackings[bits - 2];
    if (count % packing->values != 0) parts.refuse("weight", "whole blocks of packed integers");
    const auto& shape = parts.entry("scale")->shape;
    using Shape = std::vector<int64_t>;
    is_transposed = bits == 8 && out > 1 && shape == Shape{1, out};
    if (is_transposed && parts.entry("weight")->shape != Shape{in, out}) {
      parts.refuse("weight", io::shape_text({in, out}));
    }
    const int64_t groups = shape.size() == 3 ? shape[1] : 1;
    if (groups < 1 || in % groups != 0) {
      parts.refuse("scale", concat("of groups that divide ", in, " inputs"));
    }
    scale_shape = shape.size() == 3 ? Shape{out, groups, 1}
                  : is_transposed   ? Shape{1, out}
                                    : Shape{out, 1};
    scales = parts.stored_floats("scale", scale_shape).reshape({out, groups});
    is_unsigned = parts.has("zero_point");
    if (bits == 8 && !is_int8 && !is_unsigned) {
      parts.refuse("zero_point", "present beside integers without a sign");
    }
    // An int8 is stored as it is; smaller signed integers with half of their range added.
    offset = is_unsigned || is_int8 ? 0 : 1 << (bits - 1);
  }

  /// take(i, integer) for each input i of row `o`.
  template <typename Take>
  void for_each(int64_t o, const Take& take) const {
    const auto* bytes = reinterpret_cast<const uint8_t*>(stored.data());
    if (is_transposed) {
      for (int64_t i = 0; i < in; ++i) take(i, integer(bytes[i * out + o]));
      return;
    }
    const int64_t begin = o * in, end = begin + in, size = packing->values;
    uint8_t block[8];
    for (int64_t n = begin / size * size; n < end; n += size) {
      packing->unpack(bytes + n / size * packing->bytes, block);
      for (int64_t i = std::max(n, begin); i < std::min(n + size, end); ++i) {
        take(i - begin, integer(block[i - n]));
      }
    }
  }

  int64_t out, in;
  std::string_view stored;
  int64_t bits = 0;
  const Packing* packing = nullptr;
  std::vector<int64_t> scale_shape;
  Tensor scales;  ///< [out, groups], as stored
  bool is_unsigned = false, is_int8 = false;
  bool is_transposed = false;  ///< [in, out], for the library's own products of integers

 private:
  int32_t integer(uint8_t value) const {
    return is_int8 ? static_cast<int8_t>(value) : value - offset;
  }

  int32_t offset = 0;
};

/// The two small matrices whose product is added, [out, rank] and [rank, in]; undefined without
/// them. For the library's own products of integers both are stored transposed.
struct SmallMatrices {
  SmallMatrices(const ModuleParts& parts, int64_t out, int64_t in) {
    if (!parts.has("svd_up")) return;
    const auto& shape = parts.entry("svd_up")->shape;
    if (shape.size() != 2) parts.refuse("svd_up", "a matrix");
    const auto* down_entry = parts.entry("svd_down");
    const auto fits = [&](int64_t up_side, int64_t down_side) {
      return shape[up_side] == out && down_entry != nullptr && down_entry->shape.size() == 2 &&
             down_entry->shape[down_side] == in;
    };
    const bool is_straight = fits(0, 1), is_transposed = fits(1, 0);
    if (is_straight && is_transposed) {
      parts.refuse("svd_up", "of a rank other than the sides of the weight: both layouts fit");
    }
    if (is_transposed) {
      const int64_t rank = shape[0];
      up = parts.floats("svd_up", {rank, out}).t();
      down = parts.floats("svd_down", {in, rank}).t();
      return;
    }
    up = parts.floats("svd_up", {out, shape[1]});
    down = parts.floats("svd_down", {shape[1], in});
  }

  Tensor up, down;
};

bool is_integer_type(const std::string& type) {
  return type.rfind("int", 0) == 0 || type.rfind("uint", 0) == 0;
}

/// Whether a name matches a pattern in which * stands for any characters, as Python's re.match: the
/// name may go on behind the pattern.
bool matches_pattern(const std::string& name, const std::string& pattern) {
  size_t at = 0;
  for (size_t begin = 0; begin <= pattern.size();) {
    const auto star = std::min(pattern.find('*', begin), pattern.size());
    const auto piece = pattern.substr(begin, star - begin);
    const auto found = name.find(piece, at);
    if (found == std::string::npos || (begin == 0 && found != 0)) return false;
    at = found + piece.size();
    begin = star + 1;
  }
  return true;
}

/// The library's check_param_name_in, for one pattern: the name of the module or of its weight, one
/// of the parts of the name, a pattern with *, or after a "." the beginning of the name.
bool names_parameter(const std::string& pattern, const std::string& module) {
  const auto name = module + ".weight";
  if (pattern.empty()) return false;
  if (pattern[0] == '.') return name.compare(0, pattern.size() - 1, pattern, 1) == 0;
  if (pattern.find('*') != std::string::npos) return matches_pattern(name, pattern);
  if (pattern.find('.') != std::string::npos) return name == pattern || module == pattern;
  return concat('.', name, '.').find(concat('.', pattern, '.')) != std::string::npos;
}

/// Refuses what changes the meaning of integers, in the settings of a component or of a module.
void check_settings(const nlohmann::json& settings, const std::string& source) {
  for (const char* const flag : {"is_training", "use_codebook"}) {
    if (settings.contains(flag) && settings[flag] == true) {
      refuse_config(source, flag, settings[flag]);
    }
  }
  if (settings.contains("group_size") && settings["group_size"] == -2) {
    refuse_config(source, "group_size", settings["group_size"]);
  }
}

void refuse_float_type(const ModuleParts& parts, const Config& config) {
  const auto type = config.float_type_of(parts.module());
  if (type.empty()) return;
  fail(ErrorCode::kUnsupported,
       parts.described("weight"),
       " has SDNQ's type ",
       io::printable(type),
       ", which is not read; int2 to int8 and uint2 to uint8 are");
}

}  // namespace

std::string Config::float_type_of(const std::string& module) const {
  for (const bool is_float : {true, false}) {
    for (const auto& [type, patterns] : types) {
      if (is_integer_type(type) == is_float) continue;
      for (const auto& pattern : patterns) {
        if (names_parameter(pattern, module)) return is_float ? type : "";
      }
    }
  }
  return is_integer_type(default_type) ? "" : default_type;
}

Config parse_config(const nlohmann::json& json, const std::string& source) {
  const auto fields = config_fields(json, source);
  Config config;
  config.default_type = fields.optional_string("weights_dtype", "int8");
  check_settings(json, source);
  const auto modules = fields.object_or_empty("modules_dtype_dict");
  for (const auto& [key, names] : modules.json().items()) {
    // "minimum_6bit" raises the default type to 6 bits.
    const bool is_minimum = key.rfind("minimum", 0) == 0 || key.find("bit") != std::string::npos;
    if (!modules.has(key)) continue;
    config.types.emplace_back(is_minimum ? config.default_type : key,
                              modules.required_string_list(key));
  }
  const auto own_settings = fields.object_or_empty("modules_quant_config");
  for (const auto& [pattern, settings] : own_settings.json().items()) {
    if (!settings.is_object()) continue;
    check_settings(settings, source);
    const auto type = settings.find("weights_dtype");
    if (type != settings.end() && type->is_string()) {
      config.types.push_back({type->get<std::string>(), {pattern}});
    }
  }
  return config;
}

bool recognises(const ModuleParts& parts) {
  return parts.has("weight") && parts.has("scale");
}

ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config) {
  refuse_float_type(parts, config);
  const auto stored = std::make_shared<const Weight>(parts, out, in);
  const auto scales = stored->scales.to(at::kFloat).contiguous();
  const auto minimum = stored->is_unsigned ? parts.floats("zero_point", stored->scale_shape)
                                           : at::zeros_like(scales);
  const SmallMatrices small(parts, out, in);
  return [stored, scales, minimum, small, in](int64_t first, int64_t rows, float* values) {
    const auto* scale = scales.data_ptr<float>();
    const auto* low = minimum.data_ptr<float>();
    const int64_t groups = scales.size(1), group_size = in / groups;
    at::parallel_for(0, rows, /*grain_size=*/16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        stored->for_each(first + r, [&](int64_t i, int32_t integer) {
          const int64_t group = (first + r) * groups + i / group_size;
          values[r * in + i] = low[group] + static_cast<float>(integer) * scale[group];
        });
      }
    });
    if (!small.up.defined()) return;
    at::from_blob(values, {rows, in}, at::kFloat)
        .addmm_(small.up.narrow(0, first, rows), small.down);
  };
}

std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config) {
  refuse_float_type(parts, config);
  const auto stored = std::make_shared<const Weight>(parts, out, in);
  if (stored->is_unsigned || parts.has("svd_up")) return std::nullopt;
  const auto read = [stored, in](int64_t first, int64_t rows, int8_t* values) {
    for (int64_t r = 0; r < rows; ++r) {
      stored->for_each(first + r, [&](int64_t i, int32_t integer) {
        values[r * in + i] = static_cast<int8_t>(integer);
      });
    }
  };
  // Pairs of 4 bits, and integers of 8, lie in the order of little-endian words.
  std::optional<nn::StoredWords> words;
  if (!stored->is_transposed && (stored->bits == 8 || stored->bits == 4)) {
    words = {parts.mapped_bytes("weight"), true, stored->is_int8};
  }
  return integer_weight(out, in, stored->bits <= 4 ? 4 : 8, stored->scales, read, words);
}

}  // namespace glm_image::quant::sdnq
