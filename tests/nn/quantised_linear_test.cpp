// Products with quantised weights, for every form that this CPU supports (core/cpu_level).

#include <cmath>
#include <cstring>
#include <limits>

#include "core/cpu_level.h"
#include "kernels/quantised_matmul.h"
#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/quantised_matrix.h"
#include "nn/random_weight.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::RandomWeight;
using test::relative_error;

/// The depth of a block of activations for a group size of the weights.
int64_t block_of(int64_t group) {
  return std::min(group, kernels::PackedIntegers::kMaxBlockDepth);
}

/// Quantises x as the kernels do: 8-bit integers times max|x|/127 per row and block.
Tensor quantised(const Tensor& x, int64_t group) {
  const int64_t block = block_of(group);
  std::vector<Tensor> blocks;
  for (int64_t begin = 0; begin < x.size(1); begin += block) {
    const auto part = x.to(at::kFloat).narrow(1, begin, std::min(block, x.size(1) - begin));
    const auto largest = part.abs().amax(1, /*keepdim=*/true);
    const auto integers = (part * (at::full_like(largest, 127) / largest)).round();  // ties to even
    blocks.push_back(integers.to(at::kDouble) * (largest / 127.0F).to(at::kDouble));
  }
  return at::cat(blocks, 1);
}

class QuantisedLinear : public testing::TestWithParam<CpuLevel> {
 protected:
  void SetUp() override {
    at::manual_seed(7);
    limit_cpu(GetParam());
  }
  void TearDown() override { limit_cpu(cpu_levels().front()); }
  bool is_slow() const { return GetParam() == CpuLevel::kPlain || GetParam() == CpuLevel::kNeon; }

 private:
  at::NoGradGuard no_grad_;
};

/// Integer activations up to 127 are quantised exactly, so the products are sums of integers, which
/// float32 represents exactly.
TEST_P(QuantisedLinear, IntegerSumsAreExact) {
  for (const int bits : {4, 8}) {
    for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 13, 49, 56, 57, 58, 59, 60}) {
      for (const auto& [in, group] : std::vector<std::pair<int64_t, int64_t>>{
               {1, 1}, {7, 7}, {66, 66}, {64, 32}, {256, 128}, {520, 8}, {384, 384}}) {
        SCOPED_TRACE(concat(bits, " bits, ", rows, " rows, ", in, " inputs by ", group));
        const int64_t out = 70;
        RandomWeight weight(out, in, bits, group, at::kFloat);
        weight.scales.fill_(1);
        const QuantisedMatrix matrix(
            weight.matrix.form(),
            [&](int64_t first, int64_t count, int8_t* values) {
              std::memcpy(values, weight.integers.data_ptr<int8_t>() + first * in, count * in);
            },
            weight.scales);
        auto x = at::randint(-127, 128, {rows, in}, at::kFloat);
        for (int64_t begin = 0; begin < in; begin += block_of(group)) {
          x.select(1, begin).fill_(127);
        }
        const auto expected =
            at::matmul(x.to(at::kDouble), weight.integers.to(at::kDouble).t()).to(at::kFloat);
        EXPECT_TRUE(at::equal(linear(x, matrix, Tensor()), expected));
      }
    }
  }
}

/// Extreme values must not saturate.
TEST_P(QuantisedLinear, TheLargestSumsAreExact) {
  for (const int bits : {4, 8}) {
    for (const int lowest : {0, 1}) {
      const int64_t in = 1024, value = lowest != 0 ? -(1 << (bits - 1)) : (1 << (bits - 1)) - 1;
      const QuantisedMatrix matrix(
          {64, in, bits, in, at::kFloat},
          [&](int64_t, int64_t rows, int8_t* values) {
            std::memset(values, static_cast<int>(value), static_cast<size_t>(rows * in));
          },
          at::ones({64, 1}));
      for (const float sign : {-127.0F, 127.0F}) {
        for (const int64_t rows : {7, 55}) {  // and more than few, the last group with one row
          const auto found = linear(at::full({rows, in}, sign), matrix, Tensor());
          EXPECT_TRUE((found == sign * static_cast<float>(value * in)).all().item<bool>())
              << bits << ' ' << value << ' ' << rows;
        }
      }
    }
  }
}

/// Besides the quantisation of x, only a few float32 sums are rounded.
TEST_P(QuantisedLinear, MatchesFloat64OnQuantisedActivations) {
  const int64_t out = 130;
  for (const int bits : {4, 8}) {
    for (const auto scale_type : {at::kFloat, at::kHalf, at::kBFloat16}) {
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        for (const auto& [in, group] :
             std::vector<std::pair<int64_t, int64_t>>{{640, 128}, {640, 640}, {256, 32}}) {
          const RandomWeight weight(out, in, bits, group, scale_type);
          const auto bias = random_tensor({out}).to(type);
          for (const int64_t rows : {20, 70}) {  // some forms have another loop for many
            const auto x = random_tensor({rows, in}).to(type);
            const auto expected =
                at::matmul(quantised(x, group), weight.values().t()) + bias.to(at::kDouble);
            const auto found = linear(x, weight.matrix, bias);
            EXPECT_EQ(found.scalar_type(), type);
            EXPECT_LT(relative_error(found, expected),
                      type == at::kFloat ? 2e-6 : test::kOneBfloat16Rounding)
                << bits << ' ' << in << ' ' << group << ' ' << scale_type << ' ' << rows;
          }
        }
      }
    }
  }
}

/// A deep product with one scale per output is split into blocks.
TEST_P(QuantisedLinear, DeepProducts) {
  if (is_slow()) GTEST_SKIP() << "the same loop over blocks as in the other forms";
  for (const int64_t in : {4096, 4104, 9000, 16384}) {
    for (const int64_t rows : {1, 9, 70}) {
      const RandomWeight weight(200, in, 8, in, at::kFloat);
      const auto x = random_tensor({rows, in});
      EXPECT_LT(relative_error(linear(x, weight.matrix, Tensor()),
                               at::matmul(quantised(x, in), weight.values().t())),
                2e-6)
          << in << ' ' << rows;
    }
  }
  const RandomWeight grouped(200, 16384, 4, 128, at::kBFloat16);
  const auto x = random_tensor({70, 16384});
  EXPECT_LT(relative_error(linear(x, grouped.matrix, Tensor()),
                           at::matmul(quantised(x, 128), grouped.values().t())),
            2e-6);
}

/// All forms give the same bits, for one row or many, with any number of threads.
TEST_P(QuantisedLinear, TheSameBitsInEveryForm) {
  const int threads = at::get_num_threads();
  for (const auto& [bits, group] :
       std::vector<std::pair<int, int64_t>>{{4, 64}, {8, 64}, {8, 512}}) {
    const RandomWeight weight(300, 512, bits, group, at::kBFloat16);
    const auto x = random_tensor({300, 512}).to(at::kBFloat16),
               bias = random_tensor({300}).to(at::kBFloat16);
    const auto found = linear(x, weight.matrix, bias);
    for (const int64_t row : {0, 5, 6, 299}) {
      EXPECT_TRUE(at::equal(linear(x[row], weight.matrix, bias), found[row])) << row;
    }
    for (const int64_t rows : {4, 7, 60}) {
      EXPECT_TRUE(
          at::equal(linear(x.narrow(0, 0, rows), weight.matrix, bias), found.narrow(0, 0, rows)));
    }
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(linear(x, weight.matrix, bias), found));
    at::set_num_threads(threads);
    limit_cpu(CpuLevel::kPlain);
    EXPECT_TRUE(at::equal(linear(x, weight.matrix, bias), found));
    limit_cpu(GetParam());
  }
}

/// The sums of many rows wait in memory between the parts of a deep product; those of few do not.
TEST_P(QuantisedLinear, DeepProductsOfManyRowsHaveTheBitsOfOne) {
  const int64_t out = 130, in = 17408;  // three panels, the last one alone; three to five parts
  for (const auto& [bits, group] : std::vector<std::pair<int, int64_t>>{{8, in}, {4, 128}}) {
    const RandomWeight weight(out, in, bits, group, at::kBFloat16);
    const auto x = random_tensor({57, in}).to(at::kBFloat16),
               bias = random_tensor({out}).to(at::kBFloat16);
    const auto found = linear(x, weight.matrix, bias);
    for (const int64_t row : {0, 5, 53, 56}) {
      EXPECT_TRUE(at::equal(linear(x[row], weight.matrix, bias), found[row])) << bits << ' ' << row;
    }
    EXPECT_TRUE(at::equal(linear(x.narrow(0, 0, 48), weight.matrix, bias), found.narrow(0, 0, 48)));
  }
}

TEST_P(QuantisedLinear, StridedRowsAndShapes) {
  const RandomWeight weight(40, 64, 8, 32, at::kFloat);
  const auto wide = random_tensor({2, 5, 80}).narrow(2, 8, 64);
  const auto found = linear(wide, weight.matrix, Tensor());
  EXPECT_EQ(found.sizes(), at::IntArrayRef({2, 5, 40}));
  EXPECT_TRUE(at::equal(found, linear(wide.contiguous(), weight.matrix, Tensor())));
  EXPECT_EQ(linear(random_tensor({0, 64}), weight.matrix, Tensor()).sizes(),
            at::IntArrayRef({0, 40}));
}

/// A row of zeros gives the bias. A value that is not finite affects only its row.
TEST_P(QuantisedLinear, ZerosAndValuesThatAreNotFinite) {
  const RandomWeight weight(40, 64, 4, 32, at::kFloat);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const double bad : {std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::nan("")}) {
      auto x = random_tensor({3, 64}).to(type);
      x[0].fill_(0);
      x[1][40] = bad;
      const auto bias = random_tensor({40}).to(type);
      const auto found = linear(x, weight.matrix, bias);
      EXPECT_TRUE(at::equal(found[0], bias));
      EXPECT_TRUE(found[1].isnan().all().item<bool>());
      EXPECT_TRUE(found[2].isfinite().all().item<bool>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels,
                         QuantisedLinear,
                         testing::ValuesIn(cpu_levels()),
                         [](const auto& tested) { return cpu_level_name(tested.param); });

TEST(QuantisedMatrix, HoldsItsValues) {
  for (const int bits : {4, 8}) {
    for (const auto& [out, in, group] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
             {1, 1, 1}, {64, 64, 8}, {70, 66, 66}, {200, 256, 64}}) {
      const RandomWeight weight(out, in, bits, group, at::kHalf);
      EXPECT_TRUE(at::equal(weight.matrix.values().to(at::kDouble),
                            weight.values().to(at::kFloat).to(at::kDouble)));
      EXPECT_GE(weight.matrix.form().bytes(), out * in * bits / 8);
    }
  }
}

TEST(QuantisedMatrix, AcceptsTheFormsThatItsKernelsSupport) {
  const auto takes = [](QuantisedForm form) { return form.is_supported(); };
  EXPECT_TRUE(takes({10, 30, 8, 30, at::kFloat}));
  EXPECT_TRUE(takes({10, 256, 4, 32, at::kBFloat16}));
  EXPECT_TRUE(takes({10, 16384, 4, 8192, at::kHalf}));
  EXPECT_FALSE(takes({10, 256, 4, 12, at::kHalf}));      // does not divide 256
  EXPECT_FALSE(takes({10, 40, 4, 20, at::kHalf}));       // splits the two steps of a byte
  EXPECT_FALSE(takes({10, 12000, 4, 6000, at::kHalf}));  // splits a block
  EXPECT_FALSE(takes({10, 256, 5, 32, at::kHalf}));
  EXPECT_FALSE(takes({10, 256, 4, 32, at::kDouble}));
}

TEST(CpuLevel, NamesAreThoseOfThisCpu) {
  for (const auto level : cpu_levels()) EXPECT_EQ(parse_cpu_level(cpu_level_name(level)), level);
  test::expect_error(ErrorCode::kInvalidInput, {"GLM_IMAGE_CPU", "'sse9'", "plain"}, [] {
    parse_cpu_level("sse9");
  });
}

}  // namespace
}  // namespace glm_image::nn

#endif
