#include <cmath>
#include <tuple>

#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

json config_of(int64_t bits) {
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"quantization_status", "compressed"},
          {"config_groups", {{"group_0", {{"weights", {{"num_bits", bits}, {"type", "int"}}}}}}}};
}

const json kIntQuantized = {{"quant_method", "compressed-tensors"}, {"format", "int-quantized"}};

Tensor unpack_row(uint32_t word, int64_t count, int64_t bits, double scale) {
  return QuantisedComponent({{"x.weight_packed", words_tensor({word}, {1, 1})},
                             {"x.weight_scale", at::full({1, 1}, scale)},
                             {"x.weight_shape", torch::tensor({int64_t{1}, count})}},
                            config_of(bits))
      .unpack(1, count)[0];
}

TEST(CompressedTensors, TheWorkedExamplesOfPacking) {
  EXPECT_TRUE(at::equal(unpack_row(0x1E7980F3, 8, 4, 0.5),
                        torch::tensor({-2.5F, 3.5F, -4.0F, 0.0F, 0.5F, -0.5F, 3.0F, -3.5F})));
  EXPECT_TRUE(
      at::equal(unpack_row(0x7F858000, 4, 8, 1), torch::tensor({-128.0F, 0.0F, 5.0F, -1.0F})));
}

/// Both layouts, for widths whose values straddle words, groups, and zero points along outputs.
TEST(CompressedTensors, EveryWidthAndLayout) {
  constexpr int64_t kOut = 32, kIn = 256, kGroups = 4;
  for (int64_t bits = 2; bits <= 8; ++bits) {
    for (const bool is_dense : {true, false}) {
      const auto pack = [&](const std::vector<uint32_t>& values) {
        if (is_dense) return words_of_bits(values, bits);
        std::vector<uint32_t> words;
        const size_t in_word = 32 / bits;
        for (size_t i = 0; i < values.size(); ++i) {
          if (i % in_word == 0) words.push_back(0);
          words.back() |= values[i] << (i % in_word * bits);
        }
        return words;
      };
      const auto u = some_integers(kOut * kIn, bits, 9), z = some_integers(kOut * kGroups, bits, 4);
      std::vector<uint32_t> packed;
      for (int64_t o = 0; o < kOut; ++o) {
        const auto row = pack({u.begin() + o * kIn, u.begin() + (o + 1) * kIn});
        packed.insert(packed.end(), row.begin(), row.end());
      }
      std::vector<Tensor> zero_columns;
      for (int64_t g = 0; g < kGroups; ++g) {
        std::vector<uint32_t> column;
        for (int64_t o = 0; o < kOut; ++o) column.push_back(z[o * kGroups + g]);
        const auto words = pack(column);
        zero_columns.push_back(words_tensor(words, {static_cast<int64_t>(words.size())}));
      }
      const auto scales = at::randn({kOut, kGroups}).to(at::kBFloat16);
      const auto words = static_cast<int64_t>(packed.size()) / kOut;
      const auto found =
          QuantisedComponent({{"x.weight_packed", words_tensor(packed, {kOut, words})},
                              {"x.weight_scale", scales},
                              {"x.weight_zero_point", at::stack(zero_columns, 1).contiguous()}},
                             config_of(bits))
              .unpack(kOut, kIn);
      for (int64_t o = 0; o < kOut; ++o) {
        for (int64_t i = 0; i < kIn; i += 7) {
          const int64_t g = i / (kIn / kGroups);
          const auto difference =
              static_cast<float>(u[o * kIn + i]) - static_cast<float>(z[o * kGroups + g]);
          ASSERT_EQ(found[o][i].item<float>(), difference * scales[o][g].item<float>())
              << bits << ' ' << is_dense << ' ' << o << ' ' << i;
        }
      }
    }
  }
}

TEST(CompressedTensors, BytesWithScalesOfEveryShape) {
  const auto integers = at::randint(-128, 128, {4, 6}).to(at::kChar);
  for (const auto& shape : std::vector<std::vector<int64_t>>{{}, {1}, {4, 1}, {4, 3}, {2, 2}}) {
    const auto scale = at::rand(shape) + 0.5;
    const auto found =
        QuantisedComponent({{"x.weight", integers}, {"x.weight_scale", scale}},
                           {{"quant_method", "compressed-tensors"}, {"format", "int-quantized"}})
            .unpack(4, 6);
    for (int64_t o = 0; o < 4; ++o) {
      for (int64_t i = 0; i < 6; ++i) {
        const auto factor =
            scale.numel() == 1 ? scale.flatten()[0] : scale[o / (4 / shape[0])][i / (6 / shape[1])];
        EXPECT_EQ(found[o][i].item<float>(),
                  static_cast<float>(integers[o][i].item<int8_t>()) * factor.item<float>());
      }
    }
  }
}

/// What `quantize` writes needs no repacking; other widths and depths do.
TEST(CompressedTensors, WholeWordsAreReadInPlace) {
  const auto packed = [](int64_t bits, int64_t in) {
    const auto words = (in * bits + 31) / 32;
    return QuantisedComponent({{"x.weight_packed", at::zeros({3, words}, at::kInt)},
                               {"x.weight_scale", at::ones({3, 1})}},
                              config_of(bits))
        .is_read_in_place(3, in);
  };
  EXPECT_TRUE(packed(4, 64));
  EXPECT_TRUE(packed(8, 64));
  EXPECT_FALSE(packed(3, 64));
  EXPECT_FALSE(packed(4, 60));
  const auto bytes = [](int64_t in) {
    return QuantisedComponent(
               {{"x.weight", at::zeros({3, in}, at::kChar)}, {"x.weight_scale", at::ones({3, 1})}},
               {{"quant_method", "compressed-tensors"}, {"format", "int-quantized"}})
        .is_read_in_place(3, in);
  };
  EXPECT_TRUE(bytes(64));
  EXPECT_FALSE(bytes(60));
}

TEST(CompressedTensors, EightBitFloats) {
  using quant::compressed_tensors::value_of_float8;
  EXPECT_EQ(value_of_float8(0x38), 1.0F);
  EXPECT_EQ(value_of_float8(0x39), 1.125F);
  EXPECT_EQ(value_of_float8(0xC0), -2.0F);
  EXPECT_EQ(value_of_float8(0x01), 0.001953125F);
  EXPECT_EQ(value_of_float8(0x7E), 448.0F);
  EXPECT_EQ(value_of_float8(0x08), 0.015625F);
  EXPECT_TRUE(std::isnan(value_of_float8(0x7F)));
  EXPECT_TRUE(std::isnan(value_of_float8(0xFF)));
}

const json kFloatQuantized = {{"quant_method", "compressed-tensors"},
                              {"format", "float-quantized"}};

TEST(CompressedTensors, ReadsFilesOfEightBitFloats) {
  const QuantisedComponent component(
      {{"x.weight", bytes_tensor({0x38, 0x39, 0xC0, 0x01}, {2, 2})},
       {"x.weight_scale", torch::tensor({2.0F, 512.0F}).view({2, 1})}},
      kFloatQuantized,
      {"x.weight"});
  EXPECT_TRUE(
      at::equal(component.unpack(2, 2), torch::tensor({2.0F, 2.25F, -1024.0F, 1.0F}).view({2, 2})));
}

/// 1 … 4 times a sign, whose bytes are those of the format's definition.
TEST(CompressedTensors, EightBitFloatsWithScalesOfEveryShape) {
  constexpr int64_t kOut = 4, kIn = 6;
  const std::vector<std::pair<uint8_t, float>> kValues = {
      {0x38, 1}, {0xC0, -2}, {0x44, 3}, {0xC8, -4}, {0x30, 0.5}, {0x80, 0}};
  std::vector<uint8_t> bytes;
  std::vector<float> values;
  for (int64_t n = 0; n < kOut * kIn; ++n) {
    bytes.push_back(kValues[n * 5 % 6].first);
    values.push_back(kValues[n * 5 % 6].second);
  }
  for (const auto& shape :
       std::vector<std::vector<int64_t>>{{}, {1}, {4, 1}, {4, 3}, {2, 2}, {1, 1}}) {
    const auto scale = at::rand(shape) + 0.5;
    const auto found = QuantisedComponent({{"x.weight", bytes_tensor(bytes, {kOut, kIn})},
                                           {"x.weight_scale", scale}},
                                          kFloatQuantized,
                                          {"x.weight"})
                           .unpack(kOut, kIn);
    for (int64_t o = 0; o < kOut; ++o) {
      for (int64_t i = 0; i < kIn; ++i) {
        const auto factor = shape.size() < 2 ? scale.flatten()[0]
                                             : scale[o / (kOut / shape[0])][i / (kIn / shape[1])];
        EXPECT_EQ(found[o][i].item<float>(), values[o * kIn + i] * factor.item<float>());
      }
    }
  }
  auto damaged = bytes;
  damaged[7] = 0xFF;
  QuantisedComponent(
      {{"x.weight", bytes_tensor(damaged, {kOut, kIn})}, {"x.weight_scale", at::ones({1})}},
      kFloatQuantized,
      {"x.weight"})
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight", "finite"}, kOut, kIn);
}

TEST(CompressedTensors, BytesWithZeroPoints) {
  const auto integers = at::randint(-128, 128, {4, 6}).to(at::kChar);
  for (const auto& shape : std::vector<std::vector<int64_t>>{{1}, {4, 1}, {4, 3}}) {
    const auto scale = at::rand(shape) + 0.5;
    const auto zeros = at::randint(-128, 128, shape).to(at::kChar);
    const auto found =
        QuantisedComponent(
            {{"x.weight", integers}, {"x.weight_scale", scale}, {"x.weight_zero_point", zeros}},
            kIntQuantized)
            .unpack(4, 6);
    for (int64_t o = 0; o < 4; ++o) {
      for (int64_t i = 0; i < 6; ++i) {
        const auto element = [&](const Tensor& t) {
          return t.numel() == 1 ? t.flatten()[0] : t[o][i / (6 / shape[1])];
        };
        const int difference = integers[o][i].item<int8_t>() - element(zeros).item<int8_t>();
        EXPECT_EQ(found[o][i].item<float>(),
                  static_cast<float>(difference) * element(scale).item<float>());
      }
    }
  }
  QuantisedComponent({{"x.weight", integers},
                      {"x.weight_scale", at::ones({4, 1})},
                      {"x.weight_zero_point", at::zeros({4, 2}, at::kChar)}},
                     kIntQuantized)
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight_zero_point"}, 4, 6);
}

/// actorder "group": the columns stay where they are, and each names its group.
TEST(CompressedTensors, InputsMayHaveGroupsInAnyOrder) {
  constexpr int64_t kOut = 8, kIn = 16, kGroups = 2;
  const auto g_idx = torch::tensor({1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1}).to(at::kInt);
  const auto scales = at::rand({kOut, kGroups}) + 0.5;
  const auto u = some_integers(kOut * kIn, 4, 11);
  const auto q = torch::tensor(std::vector<int64_t>(u.begin(), u.end())).view({kOut, kIn}) - 8;
  const auto expected = q.to(at::kFloat) * scales.index_select(1, g_idx);

  std::vector<uint32_t> words;
  for (int64_t o = 0; o < kOut; ++o) {
    const auto row = words_of_bits({u.begin() + o * kIn, u.begin() + (o + 1) * kIn}, 4);
    words.insert(words.end(), row.begin(), row.end());
  }
  const std::vector<std::tuple<std::string, Tensor, json>> kForms = {
      {"x.weight_packed", words_tensor(words, {kOut, kIn / 8}), config_of(4)},
      {"x.weight", q.to(at::kChar), kIntQuantized}};
  for (const auto& [name, weight, config] : kForms) {
    const auto component =
        [&, &name = name, &weight = weight, &config = config](const Tensor& index) {
          return QuantisedComponent(
              {{name, weight}, {"x.weight_scale", scales}, {"x.weight_g_idx", index}}, config);
        };
    EXPECT_TRUE(at::equal(component(g_idx).unpack(kOut, kIn), expected)) << name;
    // Not as integers with groups in order.
    EXPECT_FALSE(component(g_idx).stays_packed(kOut, kIn)) << name;
    // −1 everywhere is a tensor that was made and not set.
    const auto in_order = q.to(at::kFloat) * scales.repeat_interleave(kIn / kGroups, 1);
    const auto unset = at::full({kIn}, -1, at::kInt);
    EXPECT_TRUE(at::equal(component(unset).unpack(kOut, kIn), in_order)) << name;
    for (const int wrong : {2, -1}) {
      auto index = g_idx.clone();
      index[3] = wrong;
      component(index).expect_refused(
          ErrorCode::kCorruptFile, {"x.weight_g_idx", "0 to 1"}, kOut, kIn);
    }
  }
  const auto ones = at::full({kOut, kIn}, 0x38, at::kByte);
  const QuantisedComponent floats(
      {{"x.weight", ones}, {"x.weight_scale", scales}, {"x.weight_g_idx", g_idx}},
      kFloatQuantized,
      {"x.weight"});
  EXPECT_TRUE(at::equal(floats.unpack(kOut, kIn), scales.index_select(1, g_idx)));
}

/// Modules of several formats in one component, each with a config group of its own.
TEST(CompressedTensors, MixedPrecision) {
  const json config = {
      {"quant_method", "compressed-tensors"},
      {"format", "mixed-precision"},
      {"config_groups",
       {{"group_0", {{"format", "pack-quantized"}, {"weights", {{"num_bits", 4}}}}},
        {"group_1", {{"format", "int-quantized"}, {"weights", {{"num_bits", 8}}}}}}}};
  const QuantisedComponent component(
      {{"x.weight_packed", words_tensor({0x1E7980F3}, {1, 1})},
       {"x.weight_scale", at::full({1, 1}, 0.5)},
       {"y.weight", torch::tensor({-128, 3}).to(at::kChar).view({1, 2})},
       {"y.weight_scale", at::full({1, 1}, 0.25)},
       {"z.weight", at::ones({1, 2})}},
      config);
  EXPECT_TRUE(at::equal(component.unpack(1, 8)[0],
                        torch::tensor({-2.5F, 3.5F, -4.0F, 0.0F, 0.5F, -0.5F, 3.0F, -3.5F})));
  const auto set = component.weights();
  const auto packed = quant::QuantisedWeights::open(component.path(), set);
  EXPECT_TRUE(
      at::equal(packed->unpack("y.weight", {1, 2}, at::kFloat)[0], torch::tensor({-32.0F, 0.75F})));
  EXPECT_FALSE(packed->holds("z.weight"));
}

TEST(CompressedTensors, RefusesUnsupportedForms) {
  const QuantisedComponent::Tensors tensors = {{"x.weight_packed", words_tensor({0}, {1, 1})},
                                               {"x.weight_scale", at::ones({1, 1})}};
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"format", "nvfp4-pack-quantized"},
                                                        {"format", "marlin-24"},
                                                        {"quantization_status", "frozen"}}) {
    auto config = config_of(4);
    config[key] = value;
    QuantisedComponent(tensors, config).expect_refused(ErrorCode::kUnsupported, {key, value}, 1, 8);
  }
  QuantisedComponent(tensors, config_of(4))
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight_packed"}, 1, 64);
  auto wrong = tensors;
  wrong.emplace_back("x.weight_shape", torch::tensor({int64_t{2}, int64_t{8}}));
  QuantisedComponent(wrong, config_of(4))
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight_shape"}, 1, 8);
}

}  // namespace
}  // namespace glm_image::test
