#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

const json kSdnq = {{"quant_method", "sdnq"}, {"weights_dtype", "uint4"}};

Tensor unsigned_values(const std::vector<uint8_t>& bytes, int64_t count) {
  // A scale of 1 and a minimum of 0 give the stored integers.
  return QuantisedComponent(
             {{"x.weight", bytes_tensor(bytes, {static_cast<int64_t>(bytes.size())})},
              {"x.scale", at::ones({1, 1})},
              {"x.zero_point", at::zeros({1, 1})}},
             kSdnq)
      .unpack(1, count)[0];
}

TEST(Sdnq, TheWorkedExamplesOfPacking) {
  const std::vector<std::pair<std::vector<uint8_t>, std::vector<float>>> kExamples = {
      {{0x63}, {3, 0, 2, 1}},
      {{0xA9, 0xFE, 0x43}, {1, 6, 3, 5, 7, 0, 6, 3}},
      {{0xF3, 0x80}, {3, 15, 0, 8}},
      {{0xA1, 0x5E, 0xA7, 0x90, 0xDF}, {1, 30, 7, 16, 31, 5, 18, 29}},
      {{0x81, 0xFE, 0x61}, {1, 62, 33, 45}},
      {{0x81, 0x7E, 0xA1, 0x64, 0x80, 0x7F, 0xC0}, {1, 126, 33, 100, 0, 127, 64, 85}},
  };
  for (const auto& [bytes, values] : kExamples) {
    EXPECT_TRUE(at::equal(unsigned_values(bytes, static_cast<int64_t>(values.size())),
                          torch::tensor(values)))
        << values.size() << " values of " << bytes.size() << " bytes";
  }
}

TEST(Sdnq, TheWorkedExampleOfUnsignedValues) {
  const QuantisedComponent component({{"x.weight", bytes_tensor({0xF3, 0x80}, {2})},
                                      {"x.scale", at::full({1, 1}, 0.25).to(at::kBFloat16)},
                                      {"x.zero_point", at::full({1, 1}, -2.0).to(at::kBFloat16)}},
                                     kSdnq);
  EXPECT_TRUE(at::equal(component.unpack(1, 4)[0], torch::tensor({-1.25F, 1.75F, -2.0F, 0.0F})));
}

TEST(Sdnq, TheWorkedExampleOfSignedValues) {
  const QuantisedComponent component(
      {{"x.weight", bytes_tensor({0xA1, 0x5E, 0xA7, 0x90, 0xDF}, {1, 5})},
       {"x.scale", at::full({1, 1}, 0.125).to(at::kBFloat16)}},
      kSdnq);
  EXPECT_TRUE(
      at::equal(component.unpack(1, 8)[0],
                torch::tensor({-1.875F, 1.75F, -1.125F, 0.0F, 1.875F, -1.375F, 0.25F, 1.625F})));
}

TEST(Sdnq, GroupsOfARowHaveTheirOwnScale) {
  constexpr int64_t kOut = 6, kIn = 32, kGroups = 4;
  const auto q = some_integers(kOut * kIn, 4, 5);
  std::vector<uint8_t> bytes;
  for (size_t n = 0; n < q.size(); n += 2) {
    bytes.push_back(static_cast<uint8_t>(q[n] | q[n + 1] << 4));
  }
  const auto scale = at::rand({kOut, kGroups, 1}), minimum = at::randn({kOut, kGroups, 1});
  const auto found = QuantisedComponent({{"x.weight", bytes_tensor(bytes, {kOut * kIn / 2})},
                                         {"x.scale", scale},
                                         {"x.zero_point", minimum}},
                                        kSdnq)
                         .unpack(kOut, kIn);
  for (int64_t o = 0; o < kOut; ++o) {
    for (int64_t i = 0; i < kIn; ++i) {
      const int64_t g = i / (kIn / kGroups);
      EXPECT_FLOAT_EQ(found[o][i].item<float>(),
                      minimum[o][g][0].item<float>() +
                          static_cast<float>(q[o * kIn + i]) * scale[o][g][0].item<float>());
    }
  }
}

TEST(Sdnq, EightBitsAreStoredAsTheyAre) {
  const auto integers = torch::tensor({-128, -1, 0, 127}).to(at::kChar).view({2, 2});
  const QuantisedComponent component({{"x.weight", integers}, {"x.scale", at::full({2, 1}, 0.5)}},
                                     kSdnq);
  EXPECT_TRUE(at::equal(component.unpack(2, 2), integers.to(at::kFloat) * 0.5));
}

TEST(Sdnq, TheProductOfTheSmallMatricesIsAdded) {
  const auto up = at::randn({2, 3}), down = at::randn({3, 4});
  const QuantisedComponent component({{"x.weight", bytes_tensor({0x11, 0x11, 0x11, 0x11}, {4})},
                                      {"x.scale", at::ones({2, 1})},
                                      {"x.zero_point", at::zeros({2, 1})},
                                      {"x.svd_up", up},
                                      {"x.svd_down", down}},
                                     kSdnq);
  EXPECT_LE(relative_error(component.unpack(2, 4), 1 + at::matmul(up, down)), 1e-6);
}

TEST(Sdnq, UnsignedIntegersOfEightBits) {
  const auto integers = torch::tensor({0, 1, 128, 255, 7, 200}).to(at::kByte).view({2, 3});
  const QuantisedComponent component({{"x.weight", integers},
                                      {"x.scale", torch::tensor({0.5F, 2.0F}).view({2, 1})},
                                      {"x.zero_point", torch::tensor({-4.0F, 1.0F}).view({2, 1})}},
                                     kSdnq);
  EXPECT_TRUE(at::equal(component.unpack(2, 3),
                        torch::tensor({{-4.0F, -3.5F, 60.0F}, {511.0F, 15.0F, 401.0F}})));
  // Without a minimum these are no integers of the library: its own 8-bit floats look like this.
  QuantisedComponent({{"x.weight", integers}, {"x.scale", at::ones({2, 1})}}, kSdnq)
      .expect_refused(ErrorCode::kCorruptFile, {"x.zero_point"}, 2, 3);
}

/// Packs integers of 6 bits four to three bytes, those of 7 bits eight to seven: the last one is
/// cut up over the high bits of the others, from its highest bit down.
std::vector<uint8_t> with_spilled_last(const std::vector<uint32_t>& u, int64_t bits) {
  const int64_t values = bits == 6 ? 4 : 8, spilled = 8 - bits;
  std::vector<uint8_t> bytes;
  for (size_t begin = 0; begin < u.size(); begin += values) {
    const uint32_t last = u[begin + values - 1];
    for (int64_t k = 0; k < values - 1; ++k) {
      const uint32_t part = (last >> (bits - spilled * (k + 1))) & ((1U << spilled) - 1U);
      bytes.push_back(static_cast<uint8_t>(u[begin + k] | part << bits));
    }
  }
  return bytes;
}

/// Rows of 12 values begin within a block of 8.
TEST(Sdnq, SignedIntegersOfSixAndSevenBits) {
  constexpr int64_t kOut = 6, kIn = 12, kGroups = 2;
  for (const int64_t bits : {6, 7}) {
    const auto u = some_integers(kOut * kIn, bits, 14);
    const auto bytes = with_spilled_last(u, bits);
    const auto scale = at::rand({kOut, kGroups, 1}) + 0.5;
    const QuantisedComponent component(
        {{"x.weight", bytes_tensor(bytes, {static_cast<int64_t>(bytes.size())})},
         {"x.scale", scale}},
        {{"quant_method", "sdnq"}, {"use_quantized_matmul", true}});
    const auto found = component.unpack(kOut, kIn);
    for (int64_t o = 0; o < kOut; ++o) {
      for (int64_t i = 0; i < kIn; ++i) {
        const auto q = static_cast<float>(u[o * kIn + i]) - static_cast<float>(1 << (bits - 1));
        EXPECT_EQ(found[o][i].item<float>(), q * scale[o][i / (kIn / kGroups)][0].item<float>())
            << bits << ' ' << o << ' ' << i;
      }
    }
  }
}

/// For its own products of integers the library transposes integers of 8 bits with one scale an
/// output, and the two small matrices.
TEST(Sdnq, WeightsForProductsOfIntegersAreTransposed) {
  const json config = {{"quant_method", "sdnq"}, {"use_quantized_matmul", true}};
  const auto integers = at::randint(-128, 128, {6, 8}).to(at::kChar);
  const auto scale = at::rand({6, 1}) + 0.5;
  const auto expected = integers.to(at::kFloat) * scale;
  const auto stored = [](const Tensor& values) { return values.t().contiguous(); };
  for (const bool has_flag : {true, false}) {
    const auto method = has_flag ? config : kSdnq;
    EXPECT_TRUE(at::equal(
        QuantisedComponent({{"x.weight", stored(integers)}, {"x.scale", stored(scale)}}, method)
            .unpack(6, 8),
        expected));
    // modules_to_not_use_matmul makes exceptions, which the shapes show.
    EXPECT_TRUE(at::equal(
        QuantisedComponent({{"x.weight", integers}, {"x.scale", scale}}, method).unpack(6, 8),
        expected));
  }
  const auto minimum = at::randn({6, 1});
  const auto bytes = at::randint(0, 256, {6, 8}).to(at::kByte);
  EXPECT_TRUE(at::allclose(QuantisedComponent({{"x.weight", stored(bytes)},
                                               {"x.scale", stored(scale)},
                                               {"x.zero_point", stored(minimum)}},
                                              config)
                               .unpack(6, 8),
                           bytes.to(at::kFloat) * scale + minimum));
  const auto up = at::randn({6, 3}), down = at::randn({3, 8});
  for (const bool transposed : {true, false}) {
    const QuantisedComponent component({{"x.weight", stored(integers)},
                                        {"x.scale", stored(scale)},
                                        {"x.svd_up", transposed ? stored(up) : up},
                                        {"x.svd_down", transposed ? stored(down) : down}},
                                       config);
    EXPECT_LE(relative_error(component.unpack(6, 8), expected + at::matmul(up, down)), 1e-6);
  }
  // A square weight: the scale alone tells.
  const auto square = at::randint(-128, 128, {8, 8}).to(at::kChar);
  const auto scales = at::rand({8, 1}) + 0.5;
  EXPECT_TRUE(at::equal(
      QuantisedComponent({{"x.weight", stored(square)}, {"x.scale", stored(scales)}}, config)
          .unpack(8, 8),
      square.to(at::kFloat) * scales));
  QuantisedComponent({{"x.weight", integers}, {"x.scale", stored(scale)}}, config)
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight", "[8, 6]"}, 6, 8);
}

/// A dynamic copy tries types in turn, among them floats, which look like integers when packed.
TEST(Sdnq, FloatTypesAreRefusedWhereTheyAreNeeded) {
  const QuantisedComponent::Tensors tensors = {{"a.x.weight", bytes_tensor({0xF3, 0x80}, {2})},
                                               {"a.x.scale", at::ones({1, 1})}};
  const auto unpack = [&](const json& settings) {
    auto config = settings;
    config["quant_method"] = "sdnq";
    const QuantisedComponent component(tensors, config);
    const auto set = component.weights();
    return quant::QuantisedWeights::open(component.path(), set)
        ->unpack("a.x.weight", {1, 4}, at::kFloat);
  };
  const auto of_module = [](const std::string& type, const std::string& pattern) {
    return json{{"weights_dtype", "int4"}, {"modules_dtype_dict", {{type, {pattern}}}}};
  };
  const auto expected = torch::tensor({{-5.0F, 7.0F, -8.0F, 0.0F}});
  for (const char* const other :
       {"a.y.weight", "b.x.weight", "y", "a.y*", ".b.", ".a.x.w.", "x.w"}) {
    EXPECT_TRUE(at::equal(unpack(of_module("float4_e2m1fn", other)), expected)) << other;
  }
  for (const char* const own :
       {"a.x.weight", "a.x", "x", "a.*", "*x.weight", ".a.x", "a.*.weight"}) {
    for (const char* const type : {"float4_e2m1fn", "fp4", "ufp4", "bf16"}) {
      expect_error(ErrorCode::kUnsupported, {"model.safetensors", "'a.x.weight'", type}, [&] {
        unpack(of_module(type, own));
      });
    }
    EXPECT_TRUE(at::equal(unpack(of_module("int4", own)), expected)) << own;
  }
  // The default of modules that no list names.
  expect_error(ErrorCode::kUnsupported, {"'a.x.weight'", "float4_e2m1fn"}, [&] {
    unpack({{"weights_dtype", "float4_e2m1fn"}});
  });
  EXPECT_TRUE(at::equal(unpack({{"weights_dtype", "float4_e2m1fn"},
                                {"modules_dtype_dict", {{"int4", {"a.x.weight"}}}}}),
                        expected));
  // Settings of a module.
  expect_error(ErrorCode::kUnsupported, {"'a.x.weight'", "float8_e4m3fn"}, [&] {
    unpack({{"weights_dtype", "int4"},
            {"modules_quant_config", {{"a.x", {{"weights_dtype", "float8_e4m3fn"}}}}}});
  });
}

TEST(Sdnq, RefusesUnsupportedForms) {
  const QuantisedComponent::Tensors tensors = {{"x.weight", bytes_tensor({0x63}, {1})},
                                               {"x.scale", at::ones({1, 1})}};
  for (const char* flag : {"is_training", "use_hadamard", "use_codebook"}) {
    auto config = kSdnq;
    config[flag] = true;
    QuantisedComponent(tensors, config).expect_refused(ErrorCode::kUnsupported, {flag}, 1, 4);
  }
  QuantisedComponent(tensors, kSdnq).expect_refused(ErrorCode::kCorruptFile, {"x.weight"}, 1, 3);
  QuantisedComponent({{"x.weight", bytes_tensor({0x63}, {1})}, {"x.scale", at::ones({1, 3, 1})}},
                     kSdnq)
      .expect_refused(ErrorCode::kCorruptFile, {"x.scale"}, 1, 4);
  // Floats of 8 bits in PyTorch's type.
  QuantisedComponent({{"x.weight", at::zeros({1, 4}, at::kByte)}, {"x.scale", at::ones({1, 1})}},
                     kSdnq,
                     {"x.weight"})
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight", "U8 or I8"}, 1, 4);
}

}  // namespace
}  // namespace glm_image::test
