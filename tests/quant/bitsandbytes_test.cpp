#include "core/memory.h"
#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

const nlohmann::json kBitsandbytes = {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}};

/// The NF4 table of the QLoRA paper.
Tensor nf4() {
  return torch::tensor({-1.0,
                        -0.6961928009986877,
                        -0.5250730514526367,
                        -0.39491748809814453,
                        -0.28444138169288635,
                        -0.18477343022823334,
                        -0.09105003625154495,
                        0.0,
                        0.07958029955625534,
                        0.16093020141124725,
                        0.24611230194568634,
                        0.33791524171829224,
                        0.44070982933044434,
                        0.5626170039176941,
                        0.7229568362236023,
                        1.0},
                       at::kFloat);
}

Tensor state(const nlohmann::json& json) {
  const auto text = json.dump();
  return bytes_tensor({text.begin(), text.end()}, {static_cast<int64_t>(text.size())});
}

constexpr const char* kState = "x.weight.quant_state.bitsandbytes__nf4";

TEST(Bitsandbytes, TheWorkedExampleOfFourBits) {
  const QuantisedComponent component(
      {{"x.weight", bytes_tensor({0xF2}, {1, 1})},
       {"x.weight.absmax", at::full({1}, 0.5)},
       {"x.weight.quant_map", nf4()},
       {kState, state({{"quant_type", "nf4"}, {"blocksize", 64}, {"shape", {1, 2}}})}},
      kBitsandbytes);
  const auto found = component.unpack(1, 2)[0];
  EXPECT_EQ(found[0].item<float>(), 0.5F);
  EXPECT_FLOAT_EQ(found[1].item<float>(), -0.26253653F);
}

/// Codes 0 to 7 in twelfths; those from 8 on are their negatives.
TEST(Bitsandbytes, EveryCodeOfFp4) {
  const auto positive = torch::tensor({0.0F, 0.0625F, 8.0F, 12.0F, 4.0F, 6.0F, 2.0F, 3.0F}) / 12;
  const QuantisedComponent component(
      {{"x.weight", bytes_tensor({0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF}, {8, 1})},
       {"x.weight.absmax", torch::tensor({3.0F, 24.0F})},
       {"x.weight.quant_map", at::cat({positive, -positive})},
       {"x.weight.quant_state.bitsandbytes__fp4",
        state({{"quant_type", "fp4"}, {"blocksize", 8}, {"shape", {2, 8}}})}},
      kBitsandbytes);
  const auto found = component.unpack(2, 8);
  const float in_twelfths[] = {0, 0.0625, 8, 12, 4, 6, 2, 3};
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_FLOAT_EQ(found[0][i].item<float>(), in_twelfths[i] / 4);
    EXPECT_FLOAT_EQ(found[1][i].item<float>(), -2 * in_twelfths[i]);
  }
}

/// bnb_4bit_quant_storage gives the same bytes another type and shape.
TEST(Bitsandbytes, CodesInATensorOfAnyType) {
  constexpr int64_t kOut = 4, kIn = 32;
  const auto codes = some_integers(kOut * kIn, 4, 12);
  auto bytes = at::empty({kOut * kIn / 2}, at::kByte);
  for (int64_t n = 0; n < kOut * kIn; n += 2) {
    bytes[n / 2] = static_cast<int64_t>(codes[n] << 4 | codes[n + 1]);
  }
  const auto factors = at::rand({kOut * kIn / 64}) + 0.5;
  for (const auto type : {at::kByte, at::kBFloat16, at::kHalf, at::kFloat}) {
    const auto found =
        QuantisedComponent(
            {{"x.weight", bytes.view(type).unsqueeze(1)},
             {"x.weight.absmax", factors},
             {"x.weight.quant_map", nf4()},
             {kState, state({{"quant_type", "nf4"}, {"blocksize", 64}, {"shape", {kOut, kIn}}})}},
            kBitsandbytes)
            .unpack(kOut, kIn)
            .flatten();
    for (int64_t n = 0; n < kOut * kIn; ++n) {
      ASSERT_EQ(found[n].item<float>(),
                nf4()[codes[n]].item<float>() * factors[n / 64].item<float>())
          << type << ' ' << n;
    }
  }
}

/// A weight of several bands, in less memory than its values take as float32.
TEST(Bitsandbytes, ALargeWeightIsDequantisedInBands) {
  constexpr int64_t kOut = 8192, kIn = 4096, kBlock = 64;
  const auto codes = at::arange(256).to(at::kByte).repeat({kOut * kIn / 512});
  const auto factors = at::arange(kOut * kIn / kBlock).remainder(1000).to(at::kFloat);
  const QuantisedComponent component(
      {{"x.weight", codes.unsqueeze(1)},
       {"x.weight.absmax", factors},
       {"x.weight.quant_map", at::arange(16, at::kFloat)},
       {kState, state({{"quant_type", "nf4"}, {"blocksize", kBlock}, {"shape", {kOut, kIn}}})}},
      kBitsandbytes);
  const auto set = component.weights();
  const auto packed = quant::QuantisedWeights::open(component.path(), set);
  reset_peak_resident_bytes();
  const int64_t before = peak_resident_bytes();
  const auto values = packed->unpack("x.weight", {kOut, kIn}, at::kBFloat16);
  const int64_t grown = peak_resident_bytes() - before;
  // The result and the stored bytes; float32 alone would be twice the result more.
  const int64_t result = kOut * kIn * 2, stored = kOut * kIn / 2 + 8 * factors.numel();
  EXPECT_LT(grown, result + stored + (int64_t{32} << 20));
  for (const int64_t o : {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{5000}, kOut - 1}) {
    for (int64_t i = 0; i < kIn; i += 97) {
      const int64_t n = o * kIn + i, byte = n / 2 % 256;
      const auto code = static_cast<float>(n % 2 == 0 ? byte >> 4 : byte & 15);
      const auto exact = at::scalar_tensor(code * static_cast<float>(n / kBlock % 1000));
      ASSERT_EQ(values[o][i].item<float>(), exact.to(at::kBFloat16).item<float>()) << n;
    }
  }
}

TEST(Bitsandbytes, NestedFactorsOfBlocks) {
  constexpr int64_t kOut = 64, kIn = 128, kBlock = 16, kNested = 256;
  constexpr int64_t kBlocks = kOut * kIn / kBlock;  // 512: two nested blocks
  const auto codes = some_integers(kOut * kIn, 4, 7);
  std::vector<uint8_t> bytes;
  for (size_t n = 0; n < codes.size(); n += 2) {
    bytes.push_back(static_cast<uint8_t>(codes[n] << 4 | codes[n + 1]));
  }
  const auto factor_codes = some_integers(kBlocks, 8, 8);
  const auto map = at::linspace(-1, 1, 256), factors = torch::tensor({0.08F, 0.5F});
  constexpr float kOffset = 0.03125F;
  const auto found =
      QuantisedComponent(
          {{"x.weight", bytes_tensor(bytes, {kOut * kIn / 2, 1})},
           {"x.weight.absmax", bytes_tensor({factor_codes.begin(), factor_codes.end()}, {kBlocks})},
           {"x.weight.quant_map", nf4()},
           {"x.weight.nested_absmax", factors},
           {"x.weight.nested_quant_map", map},
           {kState,
            state({{"quant_type", "nf4"},
                   {"blocksize", kBlock},
                   {"shape", {kOut, kIn}},
                   {"nested_blocksize", kNested},
                   {"nested_offset", kOffset}})}},
          kBitsandbytes)
          .unpack(kOut, kIn)
          .flatten();
  const auto table = nf4();
  for (int64_t n = 0; n < kOut * kIn; n += 37) {
    const int64_t block = n / kBlock;
    const float factor =
        map[factor_codes[block]].item<float>() * factors[block / kNested].item<float>() + kOffset;
    EXPECT_FLOAT_EQ(found[n].item<float>(), table[codes[n]].item<float>() * factor) << n;
  }
}

TEST(Bitsandbytes, EightBits) {
  const auto integers = torch::tensor({100, -127, 0, 127}).to(at::kChar).view({2, 2});
  const QuantisedComponent component({{"x.weight", integers},
                                      {"x.SCB", torch::tensor({2.54F, 1.0F})},
                                      {"x.weight_format", bytes_tensor({0}, {})}},
                                     kBitsandbytes);
  const auto found = component.unpack(2, 2);
  EXPECT_FLOAT_EQ(found[0][0].item<float>(), 2.0F);
  EXPECT_FLOAT_EQ(found[0][1].item<float>(), -2.54F);
  EXPECT_FLOAT_EQ(found[1][1].item<float>(), 1.0F);
}

TEST(Bitsandbytes, RefusesPartsThatDoNotFit) {
  const auto refuse = [](const nlohmann::json& json, int64_t bytes, const std::string& name) {
    QuantisedComponent({{"x.weight", at::zeros({bytes, 1}, at::kByte)},
                        {"x.weight.absmax", at::ones({1})},
                        {"x.weight.quant_map", nf4()},
                        {kState, state(json)}},
                       kBitsandbytes)
        .expect_refused(ErrorCode::kCorruptFile, {name}, 2, 4);
  };
  refuse({{"blocksize", 64}, {"shape", {2, 5}}}, 4, "shape");
  refuse({{"blocksize", 64}}, 4, "shape");
  refuse({{"blocksize", 0}, {"shape", {2, 4}}}, 4, "blocksize");
  refuse({{"blocksize", 64}, {"shape", {2, 4}}}, 3, "x.weight");
  refuse({{"blocksize", 2}, {"shape", {2, 4}}}, 4, "absmax");
}

}  // namespace
}  // namespace glm_image::test
