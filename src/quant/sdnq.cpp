#include "quant/sdnq.h"

#include <memory>

#include "core/error.h"
#include "io/shown.h"

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

bool is_packed_type(ElementType type) {
  return type == ElementType::kUInt8 || type == ElementType::kInt8;
}

/// The checked parts of a weight.
struct Weight {
  Weight(const ModuleParts& parts, int64_t out, int64_t in) : stored(parts.bytes("weight")) {
    const int64_t count = out * in;
    bits = 8 * static_cast<int64_t>(stored.size()) / count;
    if (bits < 2 || bits > 8 || bits * count != 8 * static_cast<int64_t>(stored.size())) {
      parts.refuse("weight", concat(count, " integers of 2 to 8 bits"));
    }
    packing = &kPackings[bits - 2];
    if (count % packing->values != 0) parts.refuse("weight", "whole blocks of packed integers");
    const auto& scale_shape = parts.entry("scale")->shape;
    const int64_t groups = scale_shape.size() == 3 ? scale_shape[1] : 1;
    const std::vector<int64_t> expected = scale_shape.size() == 3
                                              ? std::vector<int64_t>{out, groups, 1}
                                              : std::vector<int64_t>{out, 1};
    if (groups < 1 || in % groups != 0) {
      parts.refuse("scale", concat("of groups that divide ", in, " inputs"));
    }
    scales = parts.stored_floats("scale", expected).reshape({out, groups});
    is_unsigned = parts.has("zero_point");
    is_int8 = parts.has("weight", ElementType::kInt8);
    // An int8 is stored as it is; smaller signed integers with half of their range added.
    offset = is_unsigned || is_int8 ? 0 : 1 << (bits - 1);
  }

  /// take(n, integer) for each value n of the blocks first … last − 1.
  template <typename Take>
  void for_each(int64_t first, int64_t last, const Take& take) const {
    const auto* bytes = reinterpret_cast<const uint8_t*>(stored.data());
    uint8_t block[8];
    for (int64_t b = first; b < last; ++b) {
      packing->unpack(bytes + b * packing->bytes, block);
      for (int64_t v = 0; v < packing->values; ++v) {
        take(b * packing->values + v, is_int8 ? static_cast<int8_t>(block[v]) : block[v] - offset);
      }
    }
  }

  std::string_view stored;
  int64_t bits = 0;
  const Packing* packing = nullptr;
  Tensor scales;  ///< [out, groups], as stored
  bool is_unsigned = false, is_int8 = false;
  int32_t offset = 0;
};

}  // namespace

void check_config(const nlohmann::json& json, const std::string& source) {
  const auto refuse = [&](const char* key, const nlohmann::json& value) {
    refuse_config(source, key, value);
  };
  for (const char* const flag :
       {"use_quantized_matmul", "is_training", "use_hadamard", "use_codebook"}) {
    if (json.contains(flag) && json[flag] == true) refuse(flag, json[flag]);
  }
  if (json.contains("group_size") && json["group_size"] == -2) {
    refuse("group_size", json["group_size"]);
  }
  const auto is_float = [](const std::string& type) { return type.rfind("float", 0) == 0; };
  if (json.contains("weights_dtype") && json["weights_dtype"].is_string() &&
      is_float(json["weights_dtype"].get<std::string>())) {
    refuse("weights_dtype", json["weights_dtype"]);
  }
  if (!json.contains("modules_dtype_dict") || !json["modules_dtype_dict"].is_object()) return;
  for (const auto& [type, modules] : json["modules_dtype_dict"].items()) {
    if (is_float(type)) refuse("modules_dtype_dict", type);
  }
}

bool recognises(const ModuleParts& parts) {
  const auto* weight = parts.entry("weight");
  return weight != nullptr && is_packed_type(weight->type) && parts.has("scale");
}

Tensor dequantise(const ModuleParts& parts, int64_t out, int64_t in) {
  const Weight stored(parts, out, in);
  const auto scales = stored.scales.to(at::kFloat).contiguous();
  const auto minimum = stored.is_unsigned ? parts.floats("zero_point", parts.entry("scale")->shape)
                                          : at::zeros_like(scales);
  auto weight = at::empty({out, in}, at::kFloat);
  const auto* scale = scales.data_ptr<float>();
  const auto* low = minimum.data_ptr<float>();
  auto* values = weight.data_ptr<float>();
  const int64_t group_size = in / scales.size(1);
  const auto& packing = *stored.packing;
  at::parallel_for(0, out * in / packing.values, 1 << 14, [&](int64_t begin, int64_t end) {
    stored.for_each(begin, end, [&](int64_t n, int32_t integer) {
      const int64_t group = n / group_size;
      values[n] = low[group] + static_cast<float>(integer) * scale[group];
    });
  });
  if (parts.has("svd_up")) {
    const auto& shape = parts.entry("svd_up")->shape;
    if (shape.size() != 2) parts.refuse("svd_up", "a matrix");
    weight.addmm_(parts.floats("svd_up", {out, shape[1]}),
                  parts.floats("svd_down", {shape[1], in}));
  }
  return weight;
}

std::optional<IntegerWeight> integers(const ModuleParts& parts, int64_t out, int64_t in) {
  const auto stored = std::make_shared<const Weight>(parts, out, in);
  const int64_t in_block = stored->packing->values;
  if (stored->is_unsigned || parts.has("svd_up") || in % in_block != 0) return std::nullopt;
  const auto read = [stored, in, in_block](int64_t first, int64_t rows, int8_t* values) {
    const int64_t begin = first * in;
    stored->for_each(
        begin / in_block, (begin + rows * in) / in_block, [&](int64_t n, int32_t integer) {
          values[n - begin] = static_cast<int8_t>(integer);
        });
  };
  // Pairs of 4 bits, and integers of 8, lie in the order of little-endian words.
  std::optional<nn::StoredWords> words;
  if (stored->bits == 8 || (stored->bits == 4 && !stored->is_int8)) {
    words = {parts.mapped_bytes("weight"), true, stored->is_int8};
  }
  return integer_weight(out, in, stored->bits <= 4 ? 4 : 8, stored->scales, read, words);
}

}  // namespace glm_image::quant::sdnq
