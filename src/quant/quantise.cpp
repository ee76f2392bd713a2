#include "quant/quantise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "core/error.h"
#include "core/torch.h"

namespace glm_image::quant {
namespace {

using io::ElementType;

/// Adding and subtracting it rounds a float32 of up to 2²² to the nearest integer, ties to even.
constexpr float kRounder = 12582912.0F;  // 1.5 · 2²³
constexpr int64_t kSums = 8;             // side by side

float of_bfloat16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

uint16_t nearest_bfloat16(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// The smallest bfloat16 that is at least as large as a positive value.
uint16_t bfloat16_above(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0xFFFFU) >> 16);
}

float rounded(float value, float factor, float low, float high) {
  const float integer = (value * factor + kRounder) - kRounder;
  return integer < low ? low : integer > high ? high : integer;
}

/// The integers of values / scale.
void round_all(const float* values, int64_t count, float scale, int bits, int8_t* integers) {
  const float factor = scale == 0 ? 0 : 1 / scale;
  const float high = bits == 8 ? 127.0F : 7.0F, low = bits == 8 ? -127.0F : -8.0F;
  for (int64_t i = 0; i < count; ++i) {
    integers[i] = static_cast<int8_t>(rounded(values[i], factor, low, high));
  }
}

/// The squared error of 4-bit integers with this scale, and the scale that fits them best.
struct Fit {
  float error, best_scale;
};

Fit fit(const float* values, int64_t count, float scale) {
  float errors[kSums] = {}, products[kSums] = {}, squares[kSums] = {};
  const float factor = 1 / scale;
  for (int64_t i = 0; i < count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      const float value = i + j < count ? values[i + j] : 0.0F;
      const float integer = rounded(value, factor, -8, 7);
      const float error = value - integer * scale;
      errors[j] += error * error;
      products[j] += value * integer;
      squares[j] += integer * integer;
    }
  }
  Fit result{0, scale};
  float product = 0, square = 0;
  for (int64_t j = 0; j < kSums; ++j) {
    result.error += errors[j];
    product += products[j];
    square += squares[j];
  }
  if (square > 0) result.best_scale = product / square;
  return result;
}

/// The largest magnitude goes to −8, or a little beyond, which makes the steps of the others finer.
uint16_t scale_of_4_bits(const float* values, int64_t count, float extreme) {
  constexpr int kTrials = 6;
  constexpr float kStep = 0.06F;
  Fit best{INFINITY, 0};
  const auto consider = [&](float scale) {
    const float stored = of_bfloat16(nearest_bfloat16(scale));
    if (stored == 0) return;
    const auto found = fit(values, count, stored);
    if (found.error < best.error) best = found;
  };
  for (int trial = 0; trial < kTrials; ++trial) {
    consider(-extreme / 8 * (1 - kStep * static_cast<float>(trial)));
  }
  return nearest_bfloat16(best.best_scale);
}

void quantise_group(
    const float* values, int64_t count, int bits, int8_t* integers, uint16_t* scale) {
  float extreme = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  }
  // Smaller than every weight that counts; its reciprocal is finite.
  if (std::fabs(extreme) < 1e-30F) {
    std::memset(integers, 0, static_cast<size_t>(count));
    *scale = 0;
    return;
  }
  *scale = bits == 8 ? bfloat16_above(std::fabs(extreme) / 127)
                     : scale_of_4_bits(values, count, extreme);
  round_all(values, count, of_bfloat16(*scale), bits, integers);
}

/// Packs integers of 4 bits, plus 8, the first in the lowest bits.
void pack_nibbles(const int8_t* integers, int64_t rows, int64_t in, uint32_t* words) {
  const int64_t row_words = (in + 7) / 8;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t w = 0; w < row_words; ++w) {
      uint32_t word = 0;
      for (int64_t i = 8 * w; i < std::min(8 * w + 8, in); ++i) {
        word |= static_cast<uint32_t>(integers[r * in + i] + 8) << (4 * (i % 8));
      }
      words[r * row_words + w] = word;
    }
  }
}

int64_t groups_of(int64_t in, const WeightForm& form) {
  return form.group == 0 ? 1 : in / form.group;
}

std::string_view bytes_of(const void* data, size_t bytes) {
  return {static_cast<const char*>(data), bytes};
}

/// The tensors of a layer, with scales of `scale_type`.
std::vector<io::TensorDescription> tensors_of(const std::string& layer,
                                              int64_t out,
                                              int64_t in,
                                              const WeightForm& form,
                                              ElementType scale_type) {
  const io::TensorDescription scale{
      layer + ".weight_scale", scale_type, {out, groups_of(in, form)}};
  if (form.bits == 8) return {{layer + ".weight", ElementType::kInt8, {out, in}}, scale};
  return {{layer + ".weight_packed", ElementType::kInt32, {out, (in + 7) / 8}},
          scale,
          {layer + ".weight_shape", ElementType::kInt64, {2}}};
}

/// Rows of a weight that are in memory at the same time while it is written.
int64_t rows_at_once(int64_t out, int64_t in) {
  constexpr int64_t kValuesAtOnce = int64_t{8} << 20;
  constexpr int64_t kRowMultiple = 64;
  return std::min(out, std::max(kRowMultiple, kValuesAtOnce / in / kRowMultiple * kRowMultiple));
}

}  // namespace

void quantise_rows(const float* values,
                   int64_t rows,
                   int64_t in,
                   const WeightForm& form,
                   int8_t* integers,
                   uint16_t* scales) {
  const int64_t groups = groups_of(in, form), size = in / groups;
  for (int64_t group = 0; group < rows * groups; ++group) {
    quantise_group(values + group * size, size, form.bits, integers + group * size, scales + group);
  }
}

std::vector<io::TensorDescription> layer_tensors(const std::string& layer,
                                                 int64_t out,
                                                 int64_t in,
                                                 const WeightForm& form) {
  return tensors_of(layer, out, in, form, ElementType::kBFloat16);
}

WeightForm form_of(const IntegerWeight& weight) {
  const auto& form = weight.form;
  return {form.bits, form.group == form.in ? 0 : form.group};
}

std::vector<io::TensorDescription> integer_tensors(const std::string& layer,
                                                   const IntegerWeight& weight) {
  const auto& form = weight.form;
  const auto type = form.scale_type == at::kFloat  ? ElementType::kFloat32
                    : form.scale_type == at::kHalf ? ElementType::kFloat16
                                                   : ElementType::kBFloat16;
  return tensors_of(layer, form.out, form.in, form_of(weight), type);
}

void write_integers(io::SafetensorsWriter& writer,
                    const IntegerWeight& weight,
                    const std::function<void(uint64_t bytes)>& written) {
  const int64_t out = weight.form.out, in = weight.form.in, row_words = (in + 7) / 8;
  const int64_t at_once = rows_at_once(out, in);
  std::vector<int8_t> integers(at_once * in);
  std::vector<uint32_t> words(weight.form.bits == 4 ? at_once * row_words : 0);
  const auto write = [&](const void* data, size_t bytes) {
    writer.write(bytes_of(data, bytes));
    written(bytes);
  };
  for (int64_t first = 0; first < out; first += at_once) {
    const int64_t rows = std::min(at_once, out - first);
    at::parallel_for(0, rows, /*grain_size=*/8, [&](int64_t begin, int64_t end) {
      int8_t* const to = integers.data() + begin * in;
      weight.read(first + begin, end - begin, to);
      if (words.empty()) return;
      pack_nibbles(to, end - begin, in, words.data() + begin * row_words);
    });
    if (words.empty()) {
      write(integers.data(), static_cast<size_t>(rows * in));
    } else {
      write(words.data(), static_cast<size_t>(rows * row_words) * sizeof(uint32_t));
    }
  }
  const auto scales = weight.scales.contiguous();
  write(scales.data_ptr(), scales.nbytes());
  if (words.empty()) return;
  const int64_t shape[] = {out, in};
  write(shape, sizeof shape);
}

void write_layer(io::SafetensorsWriter& writer,
                 const std::string& layer,
                 int64_t out,
                 int64_t in,
                 const WeightForm& form,
                 const ReadFloats& read,
                 const std::function<void(uint64_t bytes)>& written) {
  const int64_t at_once = rows_at_once(out, in);
  const int64_t groups = groups_of(in, form);
  std::vector<float> values(at_once * in);
  std::vector<int8_t> integers(at_once * in);
  std::vector<uint32_t> words(form.bits == 4 ? at_once * ((in + 7) / 8) : 0);
  std::vector<uint16_t> scales(out * groups);
  const auto write = [&](const void* data, size_t bytes) {
    writer.write(bytes_of(data, bytes));
    written(bytes);
  };
  for (int64_t first = 0; first < out; first += at_once) {
    const int64_t rows = std::min(at_once, out - first);
    read(first, rows, values.data());
    std::atomic<bool> finite{true};
    at::parallel_for(0, rows, /*grain_size=*/8, [&](int64_t begin, int64_t end) {
      const float* from = values.data() + begin * in;
      for (int64_t i = 0; i < (end - begin) * in; ++i) {
        if (!std::isfinite(from[i])) finite = false;
      }
      quantise_rows(from,
                    end - begin,
                    in,
                    form,
                    integers.data() + begin * in,
                    scales.data() + (first + begin) * groups);
      if (form.bits == 4) {
        pack_nibbles(
            integers.data() + begin * in, end - begin, in, words.data() + begin * ((in + 7) / 8));
      }
    });
    if (!finite) {
      fail(ErrorCode::kCorruptFile, "the weight of ", layer, " has values that are not finite");
    }
    if (form.bits == 4) {
      write(words.data(), static_cast<size_t>(rows * ((in + 7) / 8)) * sizeof(uint32_t));
    } else {
      write(integers.data(), static_cast<size_t>(rows * in));
    }
  }
  write(scales.data(), scales.size() * sizeof(uint16_t));
  if (form.bits == 4) {
    const int64_t shape[] = {out, in};
    write(shape, sizeof shape);
  }
}

nlohmann::ordered_json quantization_config(const LayerForms& layers) {
  using Json = nlohmann::ordered_json;
  std::map<std::pair<int, int64_t>, Json> targets;
  Json ignored = Json::array();
  for (const auto& [layer, form] : layers) {
    if (form.is_quantised()) {
      targets[{form.bits, form.group}].push_back(layer);
    } else {
      ignored.push_back(layer);
    }
  }
  const auto format_of = [](int bits) { return bits == 8 ? "int-quantized" : "pack-quantized"; };
  Json groups = Json::object();
  std::set<std::string> formats;
  for (const auto& [form, names] : targets) {
    const auto [bits, group] = form;
    formats.insert(format_of(bits));
    groups["group_" + std::to_string(groups.size())] = {
        {"targets", names},
        {"format", format_of(bits)},
        {"input_activations", nullptr},
        {"output_activations", nullptr},
        {"weights",
         {{"num_bits", bits},
          {"type", "int"},
          {"symmetric", true},
          {"strategy", group == 0 ? "channel" : "group"},
          {"group_size", group == 0 ? Json() : Json(group)},
          {"block_structure", nullptr},
          {"dynamic", false},
          {"actorder", nullptr}}}};
  }
  return {{"quant_method", "compressed-tensors"},
          {"format", formats.size() == 1 ? *formats.begin() : "mixed-precision"},
          {"quantization_status", "compressed"},
          {"config_groups", groups},
          {"ignore", ignored},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace glm_image::quant
