#include "quant/gptq.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "io/shown.h"
#include "quant/bit_string.h"

namespace glm_image::quant::gptq {
namespace {

using io::ElementType;

/// The bits of a value, from the number of words that `in` of them take.
int64_t bits_of(const ModuleParts& parts, int64_t in) {
  const auto& entry = *parts.entry("qweight");
  if (entry.shape.size() != 2) parts.refuse("qweight", "a matrix");
  const int64_t bits = 32 * entry.shape[0] / in;
  if (32 * entry.shape[0] != bits * in)
    parts.refuse("qweight", "whole words of in_features values");
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
    fail(ErrorCode::kUnsupported,
         parts.described("qweight"),
         " holds weights of ",
         bits,
         " bits, which are not read; those of 2, 3, 4 and 8 bits are");
  }
  return bits;
}

/// Whether a packing of AutoRound stores zero points less one; nothing for another layout. The rule
/// is that of its exporter (dynamic_import_quant_linear_for_packing): "auto_round:auto_gptq", and
/// in files up to version 0.4 "auto_gptq:…", "gptq:…" and "auto_round:gptq:…", are packed as GPTQ
/// does. "auto_round" alone, with the kernel it was meant for, or with "gptqmodel" stores the zero
/// point.
std::optional<bool> zeros_are_less_one(const std::string& packing) {
  const auto has = [&](const char* part) { return packing.find(part) != std::string::npos; };
  if (has("awq")) return std::nullopt;
  if (has("gptqmodel")) return false;
  if (has("gptq")) return true;
  for (const char* const own : {"auto_round", "auto_round:exllamav2", "auto_round:triton"}) {
    if (packing == own) return false;
  }
  return std::nullopt;
}

/// The words of one column of a [rows, columns] matrix, one behind the other.
std::vector<uint32_t> column(const char* words, int64_t rows, int64_t columns, int64_t c) {
  std::vector<uint32_t> result(rows);
  for (int64_t r = 0; r < rows; ++r) result[r] = word_at(words, r * columns + c);
  return result;
}

/// Zero points [groups, out].
std::vector<int32_t> zero_points(
    const ModuleParts& parts, int64_t groups, int64_t out, int64_t bits, const Config& config) {
  const int64_t row_words = out * bits / 32;
  if (row_words * 32 != out * bits) parts.refuse("qzeros", "whole words of out_features values");
  const auto stored = parts.tensor("qzeros", ElementType::kInt32, {groups, row_words});
  const auto* words = static_cast<const char*>(stored.data_ptr());
  // The packers subtract one from each zero and add up the shifted fields, modulo 2^32: adding one
  // to each field of the word undoes it, borrows included.
  const uint32_t ones = ~uint32_t{0} / ((1U << bits) - 1U);
  const int32_t middle = 1 << (bits - 1);
  std::vector<int32_t> zeros(groups * out);
  std::vector<uint32_t> row(row_words);
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t w = 0; w < row_words; ++w) {
      row[w] = word_at(words, g * row_words + w);
      if (config.zeros_are_less_one && bits != 3) row[w] += ones;
    }
    for (int64_t o = 0; o < out; ++o) {
      auto zero = static_cast<int32_t>(bits_at(reinterpret_cast<const char*>(row.data()), o, bits));
      // Fields of 3 bits straddle words and are packed one by one.
      if (config.zeros_are_less_one && bits == 3) zero = (zero + 1) & 7;
      zeros[g * out + o] = zero;
      if (config.symmetric && zero != middle) {
        parts.refuse("qzeros",
                     concat("the zero point ", middle, " everywhere (the weights are symmetric)"));
      }
    }
  }
  return zeros;
}

/// The checked parts of a weight.
struct Weight {
  Weight(const ModuleParts& parts, int64_t out, int64_t in, const Config& config)
      : bits(bits_of(parts, in)),
        word_rows(in * bits / 32),
        packed(parts.tensor("qweight", ElementType::kInt32, {word_rows, out})) {
    const auto& scales_shape =
        parts.has("scales") ? parts.entry("scales")->shape : packed.sizes().vec();
    groups = scales_shape.empty() ? 0 : scales_shape[0];
    if (groups < 1 || (!parts.has("g_idx") && in % groups != 0)) {
      parts.refuse("scales", "one row for each group of inputs");
    }
    scales = parts.stored_floats("scales", {groups, out});
    zeros = zero_points(parts, groups, out, bits, config);
  }
  const char* words() const { return static_cast<const char*>(packed.data_ptr()); }

  int64_t bits, word_rows;
  Tensor packed;  ///< [word_rows, out]
  int64_t groups = 0;
  Tensor scales;               ///< [groups, out], as stored
  std::vector<int32_t> zeros;  ///< [groups, out]
};

}  // namespace

Config parse_config(const nlohmann::json& json, const std::string& source) {
  const auto fields = config_fields(json, source);
  const auto refuse = [&](const char* key) { refuse_config(source, key, json.at(key)); };
  Config config;
  config.symmetric = fields.optional_bool("sym", false);
  if (fields.optional_string("data_type", "int") != "int") refuse("data_type");
  if (fields.has("act_bits") && json["act_bits"].is_number() && json["act_bits"] <= 8) {
    refuse("act_bits");
  }
  // "backend" is the former name of "packing_format". Beside it, and in files of GPTQ, it names the
  // kernel that shall read the file.
  const bool is_gptq = fields.optional_string("quant_method", "") == "gptq";
  const char* const key = fields.has("packing_format") || is_gptq ? "packing_format" : "backend";
  const auto packing = fields.optional_string(key, "auto");
  if (packing != "auto" && !packing.empty()) {
    const auto less_one = zeros_are_less_one(packing);
    if (!less_one) refuse(key);
    config.zeros_are_less_one = *less_one;
  }
  for (const char* const name : {"checkpoint_format", "format"}) {
    const auto format = fields.optional_string(name, "");
    if (format == "gptq_v2") {
      config.zeros_are_less_one = false;
    } else if (!format.empty() && format != "gptq") {
      refuse(name);
    }
  }
  return config;
}

bool recognises(const ModuleParts& parts) {
  return parts.has("qweight");
}

ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config) {
  const auto stored = std::make_shared<const Weight>(parts, out, in, config);
  const auto scales = stored->scales.to(at::kFloat).contiguous();
  const auto group = group_of_inputs(parts, "g_idx", in, stored->groups);
  return [stored, scales, group, out, in](int64_t first, int64_t rows, float* values) {
    const auto* scale = scales.data_ptr<float>();
    at::parallel_for(0, rows, /*grain_size=*/16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t o = first + r;
        const auto row = column(stored->words(), stored->word_rows, out, o);
        const auto* bytes = reinterpret_cast<const char*>(row.data());
        for (int64_t i = 0; i < in; ++i) {
          const int64_t at = group[i] * out + o;
          const auto q = static_cast<int32_t>(bits_at(bytes, i, stored->bits));
          values[r * in + i] = scale[at] * static_cast<float>(q - stored->zeros[at]);
        }
      }
    });
  };
}

std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config) {
  const auto stored = std::make_shared<const Weight>(parts, out, in, config);
  const auto group_of = group_of_inputs(parts, "g_idx", in, stored->groups);
  if (!groups_in_order(group_of, stored->groups)) return std::nullopt;
  const int64_t group = in / stored->groups;
  const int32_t middle = 1 << (stored->bits - 1);
  const auto& zeros = stored->zeros;
  const bool symmetric =
      std::all_of(zeros.begin(), zeros.end(), [&](int32_t zero) { return zero == middle; });
  // Less any zero point the integers of 4 bits fit 8, those of 8 do not.
  if (!symmetric && stored->bits == 8) return std::nullopt;
  const int bits = symmetric && stored->bits <= 4 ? 4 : 8;
  const auto read = [stored, out, in, group, symmetric](
                        int64_t first, int64_t rows, int8_t* values) {
    if (symmetric && stored->bits == 4) {
      // Eight inputs of neighbouring outputs lie side by side.
      for (int64_t w = 0; w < stored->word_rows; ++w) {
        for (int64_t r = 0; r < rows; ++r) {
          const uint64_t eight = nibbles_less_8(word_at(stored->words(), w * out + first + r));
          std::memcpy(values + r * in + 8 * w, &eight, sizeof eight);
        }
      }
      return;
    }
    for (int64_t r = 0; r < rows; ++r) {
      const auto row = column(stored->words(), stored->word_rows, out, first + r);
      const auto* bytes = reinterpret_cast<const char*>(row.data());
      for (int64_t i = 0; i < in; ++i) {
        const auto q = static_cast<int32_t>(bits_at(bytes, i, stored->bits));
        values[r * in + i] = static_cast<int8_t>(q - stored->zeros[i / group * out + first + r]);
      }
    }
  };
  std::optional<nn::StoredWords> words;
  if (symmetric && stored->bits == bits) words = {parts.mapped_bytes("qweight"), false, false};
  return integer_weight(out, in, bits, stored->scales.t(), read, words);
}

}  // namespace glm_image::quant::gptq
