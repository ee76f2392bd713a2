#include "nn/key_value_cache.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(KeyValueCache, ReturnsAllThatWasAppended) {
  nn::KeyValueCache cache(
      /*layers=*/2, /*batch=*/1, /*capacity=*/5, /*heads=*/2, /*dim=*/3, at::kFloat);
  const auto first = at::randn({1, 3, 2, 3}), second = at::randn({1, 2, 2, 3});
  for (int64_t layer = 0; layer < 2; ++layer) cache.append(layer, first + layer, -first);
  cache.advance(3);
  const auto [k, v] = cache.append(1, second, -second);
  EXPECT_TRUE(at::equal(k, at::cat({first + 1, second}, 1)));
  EXPECT_TRUE(at::equal(v, at::cat({-first, -second}, 1)));
}

TEST(KeyValueCache, TruncatingLetsContinuationsShareAPrompt) {
  nn::KeyValueCache cache(1, 1, 4, 1, 1, at::kFloat);
  cache.append(0, at::ones({1, 2, 1, 1}), at::ones({1, 2, 1, 1}));
  cache.advance(2);
  cache.append(0, at::full({1, 1, 1, 1}, 7.0F), at::zeros({1, 1, 1, 1}));
  cache.advance(1);
  cache.truncate(2);
  const auto [k, v] = cache.append(0, at::full({1, 1, 1, 1}, 9.0F), at::zeros({1, 1, 1, 1}));
  EXPECT_TRUE(at::equal(k.flatten(), torch::tensor({1.0F, 1.0F, 9.0F})));
}

TEST(KeyValueCache, SequencesShareAPrompt) {
  nn::KeyValueCache cache(1, /*batch=*/3, /*capacity=*/4, 2, 3, at::kFloat);
  const auto prompt = at::randn({1, 2, 2, 3}), two = at::randn({2, 1, 2, 3});
  EXPECT_TRUE(at::equal(cache.append(0, prompt, -prompt).first, prompt));
  cache.advance(2);
  const auto [k, v] = cache.append(0, two, -two);
  EXPECT_TRUE(at::equal(k, at::cat({prompt.expand({2, -1, -1, -1}), two}, 1)));
  EXPECT_TRUE(at::equal(v, -k));
  const auto four = at::zeros({4, 1, 2, 3});
  expect_error(ErrorCode::kInternal, {"4 sequences of 3"}, [&] { cache.append(0, four, four); });
}

TEST(KeyValueCache, RefusesMoreThanItsCapacity) {
  nn::KeyValueCache cache(1, 1, 2, 1, 1, at::kFloat);
  const auto three = at::zeros({1, 3, 1, 1});
  expect_error(ErrorCode::kInternal, {"full"}, [&] { cache.append(0, three, three); });
}

}  // namespace
}  // namespace glm_image::test
