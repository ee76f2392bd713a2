#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

const nlohmann::json kSdnq = {{"quant_method", "sdnq"}, {"weights_dtype", "uint4"}};

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

TEST(Sdnq, RefusesUnsupportedForms) {
  const QuantisedComponent::Tensors tensors = {{"x.weight", bytes_tensor({0x63}, {1})},
                                               {"x.scale", at::ones({1, 1})}};
  for (const char* flag : {"use_quantized_matmul", "is_training", "use_hadamard", "use_codebook"}) {
    auto config = kSdnq;
    config[flag] = true;
    QuantisedComponent(tensors, config).expect_refused(ErrorCode::kUnsupported, {flag}, 1, 4);
  }
  QuantisedComponent(tensors, kSdnq).expect_refused(ErrorCode::kCorruptFile, {"x.weight"}, 1, 3);
  QuantisedComponent({{"x.weight", bytes_tensor({0x63}, {1})}, {"x.scale", at::ones({1, 3, 1})}},
                     kSdnq)
      .expect_refused(ErrorCode::kCorruptFile, {"x.scale"}, 1, 4);
}

}  // namespace
}  // namespace glm_image::test
