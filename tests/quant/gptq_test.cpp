#include <tuple>

#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

const json kAutoRound = {{"quant_method", "auto-round"},
                         {"packing_format", "auto_round:auto_gptq"},
                         {"bits", 4},
                         {"data_type", "int"},
                         {"group_size", 128},
                         {"sym", true}};

/// Packs W [out, in] as GPTQ does, from q [out·in] and zeros [groups·out], one value at a time.
QuantisedComponent::Tensors packed(const std::vector<uint32_t>& q,
                                   const std::vector<uint32_t>& zeros,
                                   const Tensor& scales,
                                   int64_t out,
                                   int64_t in,
                                   int64_t bits,
                                   bool zeros_less_one) {
  const int64_t groups = scales.size(0);
  std::vector<uint32_t> qweight(in * bits / 32 * out), qzeros;
  for (int64_t o = 0; o < out; ++o) {
    const auto words = words_of_bits({q.begin() + o * in, q.begin() + (o + 1) * in}, bits);
    for (size_t w = 0; w < words.size(); ++w) qweight[w * out + o] = words[w];
  }
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<uint32_t> row(zeros.begin() + g * out, zeros.begin() + (g + 1) * out);
    if (zeros_less_one) {
      for (auto& zero : row) zero -= 1;
    }
    const auto words = words_of_bits(row, bits);
    qzeros.insert(qzeros.end(), words.begin(), words.end());
  }
  return {{"x.qweight", words_tensor(qweight, {in * bits / 32, out})},
          {"x.qzeros", words_tensor(qzeros, {groups, out * bits / 32})},
          {"x.scales", scales}};
}

TEST(Gptq, TheWorkedExampleOfFourBits) {
  auto qweight = at::zeros({1, 8}, at::kInt);
  qweight[0][0] = 0x7E9180F3;
  const auto scales = at::ones({1, 8}, at::kHalf);
  scales[0][0] = -0.015625;
  const QuantisedComponent component({{"x.qweight", qweight},
                                      {"x.qzeros", words_tensor({0x77777777}, {1, 1})},
                                      {"x.scales", scales}},
                                     kAutoRound);
  EXPECT_TRUE(at::equal(
      component.unpack(8, 8)[0],
      torch::tensor({0.078125, -0.109375, 0.125, 0.0, 0.109375, -0.015625, -0.09375, 0.015625},
                    at::kFloat)));
}

TEST(Gptq, TheWorkedExampleOfAsymmetricZeros) {
  auto config = kAutoRound;
  config["sym"] = false;
  const QuantisedComponent component({{"x.qweight", at::zeros({1, 8}, at::kInt)},
                                      {"x.qzeros", words_tensor({0x7E82E067}, {1, 1})},
                                      {"x.scales", at::ones({1, 8}, at::kHalf)}},
                                     config);
  EXPECT_TRUE(at::equal(component.unpack(8, 8).select(1, 0),
                        -torch::tensor({8, 7, 1, 15, 3, 9, 15, 8}, at::kFloat)));
}

/// Packers also subtract one from a zero point of 0, which borrows from the next field of the word.
TEST(Gptq, AZeroPointOfZeroBorrows) {
  auto config = kAutoRound;
  config["sym"] = false;
  uint32_t word = 0;
  const std::vector<uint32_t> zeros = {0, 5, 0, 0, 9, 1, 15, 3};
  for (int i = 0; i < 8; ++i) word += (zeros[i] - 1U) << (4 * i);
  const QuantisedComponent component({{"x.qweight", at::zeros({1, 8}, at::kInt)},
                                      {"x.qzeros", words_tensor({word}, {1, 1})},
                                      {"x.scales", at::ones({1, 8}, at::kHalf)}},
                                     config);
  const auto found = component.unpack(8, 8).select(1, 0);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(found[i].item<float>(), -static_cast<float>(zeros[i])) << i;
}

TEST(Gptq, EveryWidthAndConvention) {
  constexpr int64_t kOut = 32, kIn = 256, kGroup = 64;
  for (const int64_t bits : {2, 3, 4, 8}) {
    for (const bool less_one : {true, false}) {
      const auto q = some_integers(kOut * kIn, bits, 1);
      auto zeros = some_integers(kIn / kGroup * kOut, bits, 2);
      for (auto& zero : zeros) zero = std::max(zero, 1U);
      const auto scales = at::randn({kIn / kGroup, kOut}).to(at::kHalf);
      const json config = {{"quant_method", "gptq"},
                           {"bits", bits},
                           {"checkpoint_format", less_one ? "gptq" : "gptq_v2"}};
      const auto found =
          QuantisedComponent(packed(q, zeros, scales, kOut, kIn, bits, less_one), config)
              .unpack(kOut, kIn);
      for (int64_t o = 0; o < kOut; ++o) {
        for (int64_t i = 0; i < kIn; ++i) {
          const int64_t g = i / kGroup;
          const float expected =
              scales[g][o].item<float>() *
              (static_cast<float>(q[o * kIn + i]) - static_cast<float>(zeros[g * kOut + o]));
          ASSERT_EQ(found[o][i].item<float>(), expected) << bits << ' ' << o << ' ' << i;
        }
      }
    }
  }
}

/// AutoRound's symmetric 4-bit weights stay 4-bit in memory. Forms without kernels do not.
TEST(Gptq, SymmetricWeightsStayPacked) {
  constexpr int64_t kOut = 32, kIn = 256;
  const auto component = [&](int64_t bits, uint32_t zero) {
    const json config = {{"quant_method", "gptq"}, {"bits", bits}};
    const std::vector<uint32_t> zeros(2 * kOut, zero);
    return QuantisedComponent(packed(some_integers(kOut * kIn, bits, 4),
                                     zeros,
                                     at::randn({2, kOut}).to(at::kHalf),
                                     kOut,
                                     kIn,
                                     bits,
                                     /*zeros_less_one=*/true),
                              config);
  };
  EXPECT_TRUE(component(4, 8).stays_packed(kOut, kIn));
  EXPECT_TRUE(component(3, 4).stays_packed(kOut, kIn));
  EXPECT_TRUE(component(4, 5).stays_packed(kOut, kIn));
  EXPECT_TRUE(component(8, 128).stays_packed(kOut, kIn));
  EXPECT_FALSE(component(8, 100).stays_packed(kOut, kIn));
  EXPECT_TRUE(component(4, 8).is_read_in_place(kOut, kIn));
  EXPECT_TRUE(component(8, 128).is_read_in_place(kOut, kIn));
  EXPECT_FALSE(component(3, 4).is_read_in_place(kOut, kIn));  // is repacked with 4 bits
  EXPECT_FALSE(component(4, 5).is_read_in_place(kOut, kIn));  // is repacked with 8 bits
}

TEST(Gptq, InputsMayHaveGroupsInAnyOrder) {
  constexpr int64_t kOut = 32, kIn = 64;
  const auto q = some_integers(kOut * kIn, 4, 3);
  const std::vector<uint32_t> zeros(2 * kOut, 8);
  const auto scales = at::stack({at::ones({kOut}), at::full({kOut}, 3.0)});
  auto tensors = packed(q, zeros, scales, kOut, kIn, 4, true);
  tensors.emplace_back("x.g_idx", at::arange(kIn, at::kInt).remainder(2));
  const auto found = QuantisedComponent(tensors, kAutoRound).unpack(kOut, kIn);
  for (int64_t i = 0; i < kIn; ++i) {
    const float factor = i % 2 == 0 ? 1.0F : 3.0F;
    EXPECT_EQ(found[5][i].item<float>(), factor * (static_cast<float>(q[5 * kIn + i]) - 8)) << i;
  }
  tensors.back().second = at::full({kIn}, 2, at::kInt);
  QuantisedComponent(tensors, kAutoRound)
      .expect_refused(ErrorCode::kCorruptFile, {"x.g_idx", "0 to 1"}, kOut, kIn);
}

TEST(Gptq, RefusesPartsThatDoNotFit) {
  constexpr int64_t kOut = 32, kIn = 64;
  const auto good = packed(some_integers(kOut * kIn, 4, 3),
                           std::vector<uint32_t>(2 * kOut, 8),
                           at::ones({2, kOut}),
                           kOut,
                           kIn,
                           4,
                           true);
  const auto refuse = [&](size_t part, const Tensor& value, const std::string& name) {
    auto tensors = good;
    tensors[part].second = value;
    QuantisedComponent(tensors, kAutoRound)
        .expect_refused(ErrorCode::kCorruptFile, {name}, kOut, kIn);
  };
  refuse(0, at::zeros({7, kOut}, at::kInt), "x.qweight");
  refuse(0, at::zeros({8, kOut - 8}, at::kInt), "x.qweight");
  refuse(1, at::zeros({2, 3}, at::kInt), "x.qzeros");
  refuse(1, at::full({2, 4}, 0x66666666, at::kInt), "x.qzeros");
  refuse(2, at::ones({2, kOut - 1}), "x.scales");
  refuse(2, at::full({2, kOut}, std::nan("")), "x.scales");
  auto lacking = good;
  lacking.erase(lacking.begin() + 1);
  QuantisedComponent(lacking, kAutoRound)
      .expect_refused(ErrorCode::kCorruptFile, {"x.qzeros", "found nothing"}, kOut, kIn);
  auto doubled = good;
  doubled.emplace_back("x.weight", at::ones({kOut, kIn}));
  QuantisedComponent(doubled, kAutoRound)
      .expect_refused(ErrorCode::kCorruptFile, {"x.weight", "qweight"}, kOut, kIn);
}

/// Zero points 1 … 8 as they are packed in both conventions; the key decides.
TEST(Gptq, ThePackingDecidesTheConvention) {
  constexpr int64_t kOut = 8, kIn = 8;
  const std::vector<uint32_t> zeros = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<std::tuple<std::string, json, bool>> kPackings = {
      {"packing_format", "auto_round", false},
      {"packing_format", "auto_round:gptqmodel", false},
      {"packing_format", "auto_round:auto_gptq", true},
      {"packing_format", "auto_round:gptq", true},
      {"packing_format", "auto_round:auto_gptq:exllamav2", true},
      {"packing_format", json(), true},
      // Files of AutoRound up to version 0.4.
      {"backend", "auto_round:exllamav2", false},
      {"backend", "auto_round:triton", false},
      {"backend", "auto_round:gptq:exllamav2", true},
      {"backend", "auto_round:gptq", true},
      {"backend", "auto_gptq:marlin", true},
      {"backend", "auto_gptq", true},
      {"backend", "gptq:exllamav2", true},
      {"backend", "auto", true},
  };
  const auto q = some_integers(kOut * kIn, 4, 13);
  const auto expect_values = [&](const json& config, bool less_one) {
    const auto found =
        QuantisedComponent(packed(q, zeros, at::ones({1, kOut}), kOut, kIn, 4, less_one), config)
            .unpack(kOut, kIn);
    for (int64_t o = 0; o < kOut; ++o) {
      for (int64_t i = 0; i < kIn; ++i) {
        ASSERT_EQ(found[o][i].item<float>(),
                  static_cast<float>(q[o * kIn + i]) - static_cast<float>(zeros[o]))
            << config;
      }
    }
  };
  for (const auto& [key, value, less_one] : kPackings) {
    for (const char* const method : {"auto-round", "intel/auto-round"}) {
      expect_values({{"quant_method", method}, {"sym", false}, {key, value}}, less_one);
    }
  }
  // Beside packing_format, and in files of GPTQ, a backend is the kernel that shall read the file.
  expect_values({{"quant_method", "auto-round"},
                 {"packing_format", "auto_round:auto_gptq"},
                 {"backend", "auto_round:exllamav2"}},
                true);
  expect_values({{"quant_method", "gptq"}, {"backend", "gptqmodel:marlin"}}, true);
}

TEST(Gptq, RefusesOtherLayoutsByName) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, json>>{{"packing_format", "auto_round:auto_awq"},
                                                 {"packing_format", "auto_round:fp8_static"},
                                                 {"packing_format", "auto_round:llm_compressor"},
                                                 {"data_type", "fp8"},
                                                 {"format", "gptq_p"},
                                                 {"act_bits", 8}}) {
    auto config = kAutoRound;
    config[key] = value;
    QuantisedComponent({{"x.qweight", at::zeros({1, 8}, at::kInt)}}, config)
        .expect_refused(ErrorCode::kUnsupported, {key}, 8, 8);
  }
  for (const char* const backend : {"auto_round:awq", "auto_awq:gemm", "auto_round:marlin"}) {
    QuantisedComponent({{"x.qweight", at::zeros({1, 8}, at::kInt)}},
                       {{"quant_method", "auto-round"}, {"backend", backend}})
        .expect_refused(ErrorCode::kUnsupported, {"backend", backend}, 8, 8);
  }
}

TEST(Gptq, OtherWidthsNameTheirFileAndTensor) {
  for (const int64_t bits : {5, 6, 7}) {
    QuantisedComponent({{"x.qweight", at::zeros({bits, 32}, at::kInt)}}, kAutoRound)
        .expect_refused(ErrorCode::kUnsupported,
                        {"model.safetensors", "'x.qweight'", std::to_string(bits) + " bits"},
                        32,
                        32);
  }
}

/// Null counts as absent, as in the Python code that writes these files.
TEST(Gptq, SymmetryMayBeUnknownAndMustBeABoolean) {
  constexpr int64_t kOut = 8, kIn = 8;
  const auto component = [&](const json& sym) {
    auto config = kAutoRound;
    config["sym"] = sym;
    return QuantisedComponent(packed(some_integers(kOut * kIn, 4, 3),
                                     std::vector<uint32_t>(kOut, 5),
                                     at::ones({1, kOut}),
                                     kOut,
                                     kIn,
                                     4,
                                     true),
                              config);
  };
  component(json()).unpack(kOut, kIn);
  component(false).unpack(kOut, kIn);
  component(true).expect_refused(ErrorCode::kCorruptFile, {"x.qzeros"}, kOut, kIn);
  component("yes").expect_refused(
      ErrorCode::kCorruptFile, {"quantization_config.sym", "\"yes\""}, kOut, kIn);
}

/// transformers nests the config of a composite model; AutoRound and SDNQ write a file of its own.
TEST(QuantisationMethod, TheConfigMayBeInTwoOtherPlaces) {
  const std::vector<uint32_t> zeros(8, 3);
  const auto tensors =
      packed(some_integers(64, 4, 3), zeros, at::ones({1, 8}), 8, 8, 4, /*zeros_less_one=*/false);
  const json config = {{"quant_method", "auto-round"}, {"packing_format", "auto_round"}};
  const auto expected = QuantisedComponent(tensors, config).unpack(8, 8);
  const QuantisedComponent component(tensors, json());
  // Without the config the zero points have the other convention.
  EXPECT_TRUE(at::equal(component.unpack(8, 8), expected - 1));
  write_file(component.path() / "quantization_config.json", config.dump());
  EXPECT_TRUE(at::equal(component.unpack(8, 8), expected));
  std::filesystem::remove(component.path() / "quantization_config.json");
  write_file(component.path() / "config.json",
             json{{"text_config", {{"quantization_config", config}}}}.dump());
  EXPECT_TRUE(at::equal(component.unpack(8, 8), expected));
  // config.json itself comes first.
  write_file(component.path() / "quantization_config.json", R"({"quant_method": "awq"})");
  EXPECT_TRUE(at::equal(component.unpack(8, 8), expected));
}

TEST(QuantisationMethod, OthersAreRefusedByName) {
  for (const char* method : {"awq", "fp8", "hqq", "torchao", "gguf", "made-up"}) {
    QuantisedComponent({{"x.qweight", at::zeros({1, 8}, at::kInt)}}, {{"quant_method", method}})
        .expect_refused(ErrorCode::kUnsupported, {std::string("\"") + method + "\""}, 8, 8);
  }
}

}  // namespace
}  // namespace glm_image::test
