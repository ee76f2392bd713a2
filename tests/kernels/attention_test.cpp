#if GLM_IMAGE_HAVE_HIGHWAY

#include <cmath>
#include <vector>

#include "kernels/attention_of.h"
#include "kernels/bfloat16_attention.h"
#include "kernels/float_attention.h"
#include "kernels/kernel_form.h"
#include "support/test_support.h"

namespace glm_image::kernels {
namespace {

class AttentionKernel : public KernelFormTest {
 protected:
  void compute(const AttentionProblem& problem) const {
    if (GetParam().dot_products) {
      Bfloat16AttentionWorkspace workspace(problem);
      for (int64_t piece = 0; piece < bfloat16_attention_pieces(problem); ++piece) {
        bfloat16_attention_piece(problem, piece, workspace);
      }
    } else {
      FloatAttentionWorkspace workspace(problem);
      for (int64_t piece = 0; piece < float_attention_pieces(problem); ++piece) {
        float_attention_piece(element(), problem, piece, workspace);
      }
    }
  }

  /// Causal and masked attention with keys from a longer cache, against float64.
  void check(int64_t queries, int64_t keys, int64_t dim, int64_t threads) const {
    SCOPED_TRACE(concat(queries, " queries, ", keys, " keys, dim ", dim, ", threads ", threads));
    const int64_t heads = 6, key_heads = 3;
    const auto q = random({2, queries, heads, dim});
    const auto k = random({2, keys + 9, key_heads, dim}).narrow(1, 0, keys);
    const auto v = random({2, keys + 9, key_heads, dim}).narrow(1, 0, keys);
    auto mask = at::rand({2, keys}) > 0.3;
    mask.select(1, 0).fill_(true);
    const auto out = at::full(q.sizes(), NAN, q.options());
    auto problem = attention_of(q, k, v, out, threads);
    problem.scale = 0.3F;
    problem.causal = true;
    problem.key_mask = mask.data_ptr<bool>();
    compute(problem);

    const auto by_head = [&](const Tensor& x) {
      return x.to(at::kDouble).transpose(1, 2).repeat_interleave(heads / x.size(2), 1);
    };
    const auto seen = at::ones({queries, keys}, at::kBool)
                          .tril(keys - queries)
                          .logical_and(mask.view({2, 1, 1, keys}));
    const auto scores = at::matmul(by_head(q), by_head(k).transpose(-1, -2)) * 0.3;
    const auto weights = at::softmax(scores.masked_fill(seen.logical_not(), -INFINITY), -1);
    const auto expected = at::matmul(weights, by_head(v)).transpose(1, 2);
    EXPECT_LT(test::relative_error(out, expected), tolerance());
  }
};

TEST_P(AttentionKernel, AnySize) {
  for (const int64_t dim : {2, 16, 34, 64, 128}) {
    for (const int64_t queries : {1, 3, 40}) check(queries, 45, dim, /*threads=*/2);
  }
}

TEST_P(AttentionKernel, EveryCut) {
  for (const int64_t threads : kThreadCounts) {
    for (const int64_t queries : {1, 5, 300}) {
      for (const int64_t dim : {16, 64}) check(queries, 300, dim, threads);
    }
  }
}

/// Few rows pack a block of keys at a time, many all keys at once.
TEST_P(AttentionKernel, ARowHasTheSameBitsAloneAndAmongMany) {
  if (GetParam().dot_products) GTEST_SKIP() << "packs all keys for any number of rows";
  const auto q = random({1, 200, 2, 32});
  const auto k = random({1, 300, 1, 32}), v = random({1, 300, 1, 32});
  const auto together = at::full(q.sizes(), NAN, q.options());
  compute(attention_of(q, k, v, together, /*threads=*/1));
  for (const int64_t row : {0, 47, 199}) {
    const auto one = q.narrow(1, row, 1).contiguous();
    const auto alone = at::full(one.sizes(), NAN, q.options());
    compute(attention_of(one, k, v, alone, /*threads=*/1));
    EXPECT_TRUE(at::equal(alone, together.narrow(1, row, 1))) << row;
  }
}

TEST_P(AttentionKernel, GivesZerosWhereNoKeyIsSeen) {
  const auto x = random({1, 4, 1, 16});
  const auto mask = at::zeros({1, 4}, at::kBool);
  const auto out = at::full(x.sizes(), NAN, x.options());
  auto problem = attention_of(x, x, x, out, /*threads=*/1);
  problem.key_mask = mask.data_ptr<bool>();
  compute(problem);
  EXPECT_TRUE((out == 0).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Forms, AttentionKernel, testing::ValuesIn(kernel_forms()), form_name);

}  // namespace
}  // namespace glm_image::kernels

#endif
