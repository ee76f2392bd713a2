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
