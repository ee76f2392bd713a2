// Products that read a quantised weight in the order of its file have the bits of the packed one.

#include <cstring>

#include "core/cpu_level.h"
#include "core/text_format.h"
#include "nn/device_weight.h"
#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/quantised_matrix.h"
#include "nn/random_weight.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::RandomWeight;

/// Writes integers [out, in] bit by bit, as the formats describe their words.
StoredWords words_of(const Tensor& integers, int bits, bool by_rows, bool is_signed) {
  const int64_t out = integers.size(0), in = integers.size(1), in_word = 32 / bits;
  const int64_t words = in / in_word, offset = is_signed ? 0 : int64_t{1} << (bits - 1);
  // At an odd address, as a file may have it.
  const auto memory = at::zeros({4 * out * words + 1}, at::kByte);
  auto* bytes = memory.data_ptr<uint8_t>() + 1;
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      const int64_t word = by_rows ? o * words + i / in_word : i / in_word * out + o;
      const auto value = static_cast<uint32_t>(integers.data_ptr<int8_t>()[o * in + i] + offset) &
                         ((1U << bits) - 1U);
      const int64_t bit = i % in_word * bits;
      bytes[4 * word + bit / 8] |= static_cast<uint8_t>(value << (bit % 8));
    }
  }
  return {memory.narrow(0, 1, 4 * out * words), by_rows, is_signed};
}

struct Order {
  int bits;
  bool by_rows, is_signed;
};
constexpr Order kOrders[] = {{8, true, true},    // compressed-tensors' int-quantized
                             {8, true, false},   // its pack-quantized
                             {8, false, false},  // GPTQ
                             {4, true, false},
                             {4, false, false}};

class StoredWeight : public testing::TestWithParam<CpuLevel> {
 protected:
  void SetUp() override {
    at::manual_seed(5);
    limit_cpu(GetParam());
  }
  void TearDown() override { limit_cpu(cpu_levels().front()); }

 private:
  at::NoGradGuard no_grad_;
};

TEST_P(StoredWeight, ProductsHaveTheBitsOfThePackedWeight) {
  for (const auto& order : kOrders) {
    for (const auto& [in, group] : std::vector<std::pair<int64_t, int64_t>>{
             {8, 8}, {264, 8}, {264, 264}, {1024, 128}, {1536, 512}}) {
      // 64 columns are a panel; 66 leave the last one nearly empty.
      for (const int64_t out : {64, 66, 131}) {
        const RandomWeight weight(out, in, order.bits, group, at::kBFloat16);
        const auto words = words_of(weight.integers, order.bits, order.by_rows, order.is_signed);
        const QuantisedMatrix stored(weight.matrix.form(), words, weight.scales, /*in_place=*/true);
        const QuantisedMatrix packed(
            weight.matrix.form(), words, weight.scales, /*in_place=*/false);
        // A copy for another device, here the CPU itself, holds the same integers.
        const auto of_stored = on_device(stored, at::kCPU), of_packed = on_device(packed, at::kCPU);
        EXPECT_TRUE(at::equal(of_stored->values(), weight.matrix.values()));
        EXPECT_TRUE(at::equal(of_packed->values(), weight.matrix.values()));
        // From one row to more than pass by a part of a panel at a time.
        for (const int64_t rows : {1, 4, 7, 48, 49, 110}) {
          SCOPED_TRACE(
              concat(order.bits, " bits, ", rows, " rows, ", out, " of ", in, " by ", group));
          const auto x = random_tensor({rows, in}), bias = random_tensor({out});
          const auto expected = linear(x, weight.matrix, bias);
          EXPECT_TRUE(at::equal(linear(x, stored, bias), expected));
          EXPECT_TRUE(at::equal(linear(x, packed, bias), expected));
          if (rows == 7) {
            EXPECT_TRUE(at::equal(linear(x, *of_stored, bias), expected));
            EXPECT_TRUE(at::equal(linear(x, *of_packed, bias), expected));
          }
        }
      }
    }
  }
}

TEST_P(StoredWeight, ScalesMayHaveAnyTypeAndStrides) {
  constexpr int64_t kOut = 70, kIn = 256, kGroup = 64;
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const RandomWeight weight(kOut, kIn, 4, kGroup, type);
    const auto words = words_of(weight.integers, 4, /*by_rows=*/true, /*is_signed=*/false);
    const auto x = random_tensor({3, kIn});
    const auto expected = linear(x, weight.matrix, Tensor());
    for (const auto& scales : {weight.scales, weight.scales.t().contiguous().t()}) {
      const QuantisedMatrix stored(weight.matrix.form(), words, scales, /*in_place=*/true);
      EXPECT_TRUE(at::equal(linear(x, stored, Tensor()), expected)) << type;
      EXPECT_TRUE(at::equal(stored.values(), weight.matrix.values())) << type;
      EXPECT_TRUE(at::equal(stored.transposed(at::kFloat), weight.matrix.transposed(at::kFloat)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels,
                         StoredWeight,
                         testing::ValuesIn(cpu_levels()),
                         [](const auto& tested) { return cpu_level_name(tested.param); });

}  // namespace
}  // namespace glm_image::nn

#endif
