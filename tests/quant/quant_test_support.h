#pragma once

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/safetensors.h"
#include "io/safetensors_writer.h"
#include "quant/quantised_weights.h"
#include "support/test_support.h"

namespace glm_image::test {

/// Writes tensors, those of bytes that `float8` names with the type F8_E4M3, which LibTorch 1.13
/// lacks.
inline void write_with_float8(const std::filesystem::path& path,
                              const std::vector<std::pair<std::string, Tensor>>& tensors,
                              const std::set<std::string>& float8) {
  using io::ElementType;
  static const std::map<at::ScalarType, ElementType> kTypes = {
      {at::kFloat, ElementType::kFloat32},
      {at::kBFloat16, ElementType::kBFloat16},
      {at::kInt, ElementType::kInt32}};
  std::vector<io::TensorDescription> descriptions;
  for (const auto& [name, tensor] : tensors) {
    const auto type =
        float8.count(name) != 0 ? ElementType::kFloat8E4M3 : kTypes.at(tensor.scalar_type());
    descriptions.push_back({name, type, tensor.sizes().vec()});
  }
  io::SafetensorsWriter writer(path, descriptions, {});
  for (const auto& [name, tensor] : tensors) {
    const auto values = tensor.contiguous();
    writer.write({static_cast<const char*>(values.data_ptr()), values.nbytes()});
  }
  writer.commit();
}

/// A component folder with the given tensors and quantization_config.
class QuantisedComponent {
 public:
  using Tensors = std::vector<std::pair<std::string, Tensor>>;
  QuantisedComponent(const Tensors& tensors,
                     const nlohmann::json& quantization_config,
                     const std::set<std::string>& float8 = {}) {
    const auto file = folder_.path() / "model.safetensors";
    if (float8.empty()) {
      io::write_safetensors(file, tensors, {});
    } else {
      write_with_float8(file, tensors, float8);
    }
    nlohmann::json config = nlohmann::json::object();
    if (!quantization_config.is_null()) config["quantization_config"] = quantization_config;
    write_file(folder_.path() / "config.json", config.dump());
  }
  std::filesystem::path path() const { return folder_.path(); }
  io::WeightSet weights() const { return io::WeightSet::open(path()); }

  /// The values of "x.weight", [out, in].
  Tensor unpack(int64_t out, int64_t in) const {
    const auto set = weights();
    const auto packed = quant::QuantisedWeights::open(path(), set);
    if (packed == nullptr || !packed->holds("x.weight")) {
      ADD_FAILURE() << "x is not recognised as quantised";
      return at::zeros({out, in});
    }
    const auto values = packed->unpack("x.weight", {out, in}, at::kFloat);
    check_packed(*packed, values);
    check_parts(*packed, values);
    return values;
  }
  /// Whether the weight stays quantised in memory.
  bool stays_packed(int64_t out, int64_t in) const {
    const auto set = weights();
    return quant::QuantisedWeights::open(path(), set)->packed_bytes("x.weight", {out, in}) > 0;
  }
  /// Whether products can read the weight where its file is mapped.
  bool is_read_in_place(int64_t out, int64_t in) const {
    const auto set = weights();
    return quant::QuantisedWeights::open(path(), set)->view("x.weight", {out, in}) != nullptr;
  }
  static void check_packed(const quant::QuantisedWeights& packed, const Tensor& values) {
    const auto matrix = packed.pack("x.weight", values.sizes());
    EXPECT_EQ(matrix != nullptr, packed.packed_bytes("x.weight", values.sizes()) > 0);
    if (matrix == nullptr) return;
    // A factor such as SCB/127 adds one rounding.
    constexpr double kOneRounding = 1.2e-7;
    const auto bound = values.to(at::kDouble).abs() * kOneRounding;
    const auto error = (matrix->values().to(at::kDouble) - values.to(at::kDouble)).abs();
    EXPECT_TRUE((error <= bound).all().item<bool>());
    const auto view = packed.view("x.weight", values.sizes());
    if (view == nullptr) return;
    EXPECT_TRUE(at::equal(view->values(), matrix->values()));
  }
  /// Another type rounds the values; parts have the values of the whole.
  static void check_parts(const quant::QuantisedWeights& packed, const Tensor& values) {
    const int64_t out = values.size(0), in = values.size(1);
    EXPECT_TRUE(at::equal(packed.unpack("x.weight", values.sizes(), at::kBFloat16),
                          values.to(at::kBFloat16)));
    const std::vector<io::WeightCut> cuts = {
        {{out, in}, /*dimension=*/0, {{out / 2, out - out / 2}}},
        {{out, in}, /*dimension=*/0, {{0, 1}, {out - 1, 1}}},
        {{out, in}, /*dimension=*/1, {{0, 1}, {in / 2, in - in / 2}}}};
    for (const auto& cut : cuts) {
      // The sums of a product of fewer rows may be in another order.
      EXPECT_TRUE(at::allclose(packed.unpack_part("x.weight", cut, at::kFloat),
                               io::apply_cut(values, cut),
                               /*rtol=*/1e-6,
                               /*atol=*/1e-6));
    }
  }
  void expect_refused(ErrorCode code,
                      const std::vector<std::string>& fragments,
                      int64_t out,
                      int64_t in) const {
    expect_error(code, fragments, [&] { unpack(out, in); });
  }

 private:
  TemporaryDirectory folder_;
};

inline Tensor bytes_tensor(const std::vector<uint8_t>& bytes, at::IntArrayRef shape) {
  return torch::tensor(std::vector<int64_t>(bytes.begin(), bytes.end())).to(at::kByte).view(shape);
}

/// 32-bit words, in an int32 tensor with the same bits.
inline Tensor words_tensor(const std::vector<uint32_t>& words, at::IntArrayRef shape) {
  auto tensor = at::empty({static_cast<int64_t>(words.size())}, at::kInt);
  std::memcpy(tensor.data_ptr(), words.data(), 4 * words.size());
  return tensor.view(shape);
}

/// Concatenates `bits` bits of each value, least significant bit first, one bit at a time. Returns
/// the words of this bit string, padded with zeros.
inline std::vector<uint32_t> words_of_bits(const std::vector<uint32_t>& values, int64_t bits) {
  std::vector<uint32_t> words((values.size() * bits + 31) / 32, 0);
  size_t at = 0;
  for (const uint32_t value : values) {
    for (int64_t b = 0; b < bits; ++b, ++at) words[at / 32] |= ((value >> b) & 1U) << (at % 32);
  }
  return words;
}

/// Pseudo-random integers in [0, 2^bits) that depend only on the seed.
inline std::vector<uint32_t> some_integers(int64_t count, int64_t bits, uint64_t seed) {
  std::vector<uint32_t> values(count);
  for (auto& value : values) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    value = static_cast<uint32_t>(seed >> 40) & ((1U << bits) - 1U);
  }
  return values;
}

}  // namespace glm_image::test
