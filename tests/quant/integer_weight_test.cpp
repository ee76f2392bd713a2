// Parts of a quantised weight have the values of the whole.

#include "quant/integer_weight.h"

#include <algorithm>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

constexpr int64_t kWholeOut = 40, kWholeIn = 128;

/// A weight of random integers with `groups` scales a row; nothing without kernels.
std::optional<quant::IntegerWeight> random_integers(int64_t groups) {
  torch::manual_seed(3);
  const auto integers = at::randint(-8, 8, {kWholeOut, kWholeIn}, at::kChar);
  const auto read = [integers](int64_t first, int64_t rows, int8_t* values) {
    std::copy_n(integers.data_ptr<int8_t>() + first * kWholeIn, rows * kWholeIn, values);
  };
  return quant::integer_weight(kWholeOut, kWholeIn, 4, at::rand({kWholeOut, groups}) + 0.5, read);
}

Tensor values_of(const quant::IntegerWeight& weight) {
  return nn::QuantisedMatrix(weight.form, weight.read, weight.scales).values();
}

TEST(IntegerWeight, PartsHaveTheValuesOfTheWhole) {
  const io::WeightCut cuts[] = {
      {{kWholeOut, kWholeIn}, /*dimension=*/0, {{3, 21}}},
      {{kWholeOut, kWholeIn}, /*dimension=*/0, {{0, 7}, {20, 17}}},
      {{kWholeOut, kWholeIn}, /*dimension=*/1, {{32, 64}}},
      {{kWholeOut, kWholeIn}, /*dimension=*/1, {{0, 32}, {96, 32}}},
  };
  for (const int64_t groups : {1, 4}) {
    const auto whole = random_integers(groups);
    if (!whole) GTEST_SKIP() << "no kernels";
    for (const auto& cut : cuts) {
      const auto part = quant::cut_integers(*whole, cut);
      ASSERT_TRUE(part);
      EXPECT_EQ(part->form.groups(), groups == 1 || cut.dimension == 0 ? groups : 2);
      EXPECT_TRUE(at::equal(values_of(*part), io::apply_cut(values_of(*whole), cut)));
    }
  }
}

TEST(IntegerWeight, AGroupIsNotDivided) {
  const io::WeightCut cut = {{kWholeOut, kWholeIn}, /*dimension=*/1, {{0, 48}}};
  const auto in_groups = random_integers(4), in_rows = random_integers(1);
  if (!in_groups) GTEST_SKIP() << "no kernels";
  EXPECT_FALSE(quant::cut_integers(*in_groups, cut));
  EXPECT_TRUE(quant::cut_integers(*in_rows, cut));
}

}  // namespace
}  // namespace glm_image::test
