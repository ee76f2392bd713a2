#include "train/data/example_order.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/random.h"
#include "train/batch/stratified_uniform.h"

namespace glm_image::train {
namespace {

std::vector<int64_t> epoch_of(const ExampleOrder& order, int64_t epoch) {
  std::vector<int64_t> examples;
  for (int64_t i = 0; i < order.examples; ++i) {
    examples.push_back(order.at(epoch * order.examples + i));
  }
  return examples;
}

TEST(ExampleOrder, EveryEpochHasEveryExampleOnce) {
  for (const int64_t examples : {1, 2, 3, 4, 5, 7, 8, 13, 100, 1000, 4096}) {
    std::vector<int64_t> all(static_cast<size_t>(examples));
    std::iota(all.begin(), all.end(), 0);
    for (const uint64_t seed : {0, 1, 77}) {
      for (const int64_t epoch : {0, 1, 2, 3, 1000000}) {
        auto order = epoch_of({examples, seed}, epoch);
        std::sort(order.begin(), order.end());
        EXPECT_EQ(order, all) << examples << ' ' << seed << ' ' << epoch;
      }
    }
  }
}

TEST(ExampleOrder, EpochsAndSeedsDiffer) {
  std::set<std::vector<int64_t>> orders;
  for (const uint64_t seed : {0, 1, 2}) {
    for (int64_t epoch = 0; epoch < 20; ++epoch) orders.insert(epoch_of({20, seed}, epoch));
  }
  // Two of 20! orders are practically never equal by chance.
  EXPECT_EQ(orders.size(), 60U);
}

TEST(ExampleOrder, EveryOrderOfAFewExamplesIsEquallyLikely) {
  constexpr int64_t kEpochs = 24000;
  for (const int64_t examples : {2, 3, 4}) {
    std::map<std::vector<int64_t>, int64_t> counts;
    const ExampleOrder order{examples, /*seed=*/5};
    for (int64_t epoch = 0; epoch < kEpochs; ++epoch) ++counts[epoch_of(order, epoch)];
    const auto orders = static_cast<size_t>(std::tgamma(examples + 1) + 0.5);
    ASSERT_EQ(counts.size(), orders);
    const double expected = static_cast<double>(kEpochs) / static_cast<double>(orders);
    for (const auto& [_, count] : counts) {
      // Five standard deviations of a binomial count.
      EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected)) << examples;
    }
  }
}

TEST(ExampleOrder, AnExampleIsEquallyOftenAtEveryPosition) {
  constexpr int64_t kExamples = 50, kEpochs = 5000;
  std::array<std::array<int64_t, kExamples>, kExamples> counts{};
  const ExampleOrder order{kExamples, /*seed=*/9};
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto examples = epoch_of(order, epoch);
    for (size_t place = 0; place < kExamples; ++place) {
      ++counts[place][static_cast<size_t>(examples[place])];
    }
  }
  const double expected = static_cast<double>(kEpochs) / kExamples;
  for (const auto& of_place : counts) {
    for (const auto count : of_place) {
      EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected));
    }
  }
}

TEST(ExampleOrder, TheLargestDataSetHasAnOrder) {
  constexpr int64_t kExamples = int64_t{1} << 40;
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 2000; ++i) {
    const auto example = permuted(kExamples - 1 - i, kExamples, /*key=*/3);
    EXPECT_GE(example, 0);
    EXPECT_LT(example, kExamples);
    seen.insert(example);
  }
  EXPECT_EQ(seen.size(), 2000U);
  EXPECT_LT(*seen.begin(), kExamples / 100);
  EXPECT_GT(*seen.rbegin(), kExamples / 100 * 99);
}

TEST(ExampleOrder, AnUnlimitedDataSetNeverRepeats) {
  const ExampleOrder order{0, /*seed=*/3};
  for (const int64_t position : {0, 1, 17, 1000000}) EXPECT_EQ(order.at(position), position);
}

TEST(StratifiedUniform, HasOneNumberInEveryStratum) {
  auto random = make_random(3);
  for (const auto& [batch, repeats] : {std::pair(1, 1), {8, 1}, {8, 4}, {3, 2}, {1, 5}}) {
    const auto numbers = stratified_uniform(batch, repeats, random);
    ASSERT_EQ(numbers.sizes(), at::IntArrayRef({batch * repeats}));
    const auto strata = (numbers * (batch * repeats)).floor().to(at::kLong);
    const auto sorted = std::get<0>(strata.sort());
    EXPECT_TRUE(at::equal(sorted, at::arange(batch * repeats))) << numbers;
    // The repeats of an example are spread evenly over the range.
    const auto parts = (numbers * repeats).floor().view({repeats, batch});
    for (int64_t example = 0; example < batch; ++example) {
      EXPECT_EQ(
          std::get<0>(at::unique_consecutive(std::get<0>(parts.select(1, example).sort()))).size(0),
          repeats);
    }
  }
}

TEST(StratifiedUniform, FollowsTheGenerator) {
  auto one = make_random(5), same = make_random(5), other = make_random(6);
  const auto numbers = stratified_uniform(6, 2, one);
  EXPECT_TRUE(at::equal(numbers, stratified_uniform(6, 2, same)));
  EXPECT_FALSE(at::equal(numbers, stratified_uniform(6, 2, other)));
}

// The size of the data set is a multiple of the batch, the worst case for fixed slots.
TEST(StratifiedUniform, OverManyEpochsEveryExampleMeetsEveryStratum) {
  constexpr int64_t kExamples = 12, kBatch = 4, kRepeats = 2, kEpochs = 400;
  constexpr int64_t kStrata = kBatch * kRepeats;
  const ExampleOrder order{kExamples, /*seed=*/1};
  std::array<std::array<int64_t, kStrata>, kExamples> met{};
  for (int64_t step = 0; step < kEpochs * kExamples / kBatch; ++step) {
    auto random = make_random(static_cast<uint64_t>(step));
    const auto numbers = stratified_uniform(kBatch, kRepeats, random);
    for (int64_t i = 0; i < kStrata; ++i) {
      const auto stratum = static_cast<size_t>(numbers[i].item<double>() * kStrata);
      ++met[static_cast<size_t>(order.at(step * kBatch + i % kBatch))][stratum];
    }
  }
  for (const auto& of_example : met) {
    for (const auto count : of_example) {
      // On average each of a repeat's kBatch strata once in kBatch epochs, within five standard
      // deviations.
      EXPECT_NEAR(static_cast<double>(count), 100.0, 50.0);
    }
  }
}

}  // namespace
}  // namespace glm_image::train
