// Attention by dot products of 8-bit integers, against a plain loop and against float64.

#if GLM_IMAGE_HAVE_HIGHWAY

#include "kernels/quantised_attention.h"

#include "core/cpu_level.h"
#include "kernels/attention_of.h"
#include "kernels/kernel_form.h"
#include "kernels/quantised_attention_loop.h"
#include "support/test_support.h"

namespace glm_image::kernels {
namespace {

/// q, k, v and a mask, with keys and values in a longer cache.
struct Inputs {
  Tensor q, k, v, mask;
  bool causal = false;

  AttentionProblem problem(const Tensor& out, int64_t threads = 1) const {
    auto problem = attention_of(q, k, v, out, threads);
    problem.scale = 1.0F / std::sqrt(static_cast<float>(problem.dim));
    problem.causal = causal;
    problem.key_mask = mask.defined() ? mask.data_ptr<bool>() : nullptr;
    return problem;
  }

  Tensor attend(int64_t threads = 1) const {
    auto out = at::full(q.sizes(), NAN, q.options());
    const auto description = problem(out, threads);
    QuantisedAttentionWorkspace workspace(description);
    for (int64_t piece = 0; piece < quantised_attention_pieces(description); ++piece) {
      quantised_attention_piece(description, piece, workspace);
    }
    return out;
  }

  Tensor by_plain_loop() const {
    auto out = at::full(q.sizes(), NAN, q.options());
    const auto p = problem(out);
    for (int64_t batch = 0; batch < p.batch; ++batch) {
      for (int64_t head = 0; head < p.key_heads * p.group; ++head) {
        const test_loop::Head keys(p, batch, head / p.group);
        const auto rows = test_loop::head_rows(p.q, p.q_strides, batch, head, p.queries, p.dim);
        for (int64_t row = 0; row < p.queries; ++row) {
          const auto found = test_loop::attend(keys,
                                               test_loop::quantise(rows[static_cast<size_t>(row)]),
                                               p.scale,
                                               visible_keys(p, row * p.group));
          std::memcpy(out.index({batch, row, head}).data_ptr(),
                      found.data(),
                      found.size() * sizeof(uint16_t));
        }
      }
    }
    return out;
  }

  Tensor in_float64() const {
    const auto by_head = [&](const Tensor& x) {
      return x.to(at::kDouble).transpose(1, 2).repeat_interleave(q.size(2) / x.size(2), 1);
    };
    const int64_t queries = q.size(1), keys = k.size(1);
    auto seen = at::ones({1, 1, queries, keys}, at::kBool);
    if (causal) seen = seen.tril(keys - queries);
    if (mask.defined()) seen = seen.logical_and(mask.view({-1, 1, 1, keys}));
    const auto scores = at::matmul(by_head(q), by_head(k).transpose(-1, -2)) /
                        std::sqrt(static_cast<double>(q.size(3)));
    const auto weights = at::softmax(scores.masked_fill(seen.logical_not(), -INFINITY), -1);
    return at::matmul(weights, by_head(v)).transpose(1, 2);
  }
};

enum class Kind { kNormal, kHeavyTailed, kOffset, kExtreme };

Tensor values(Kind kind, at::IntArrayRef shape) {
  auto x = at::randn(shape);
  if (kind == Kind::kHeavyTailed) {  // Student's t with 3 degrees of freedom
    x = x / (at::randn(shape).square() + at::randn(shape).square() + at::randn(shape).square())
                .div(3)
                .sqrt();
  } else if (kind == Kind::kOffset) {  // some channels far from zero for all tokens
    x.select(-1, 0).add_(20);
    x.select(-1, shape.back() / 2).sub_(7);
  } else if (kind == Kind::kExtreme) {  // all integers are ±127
    x = at::where(x > 0, 1.0, -1.0).to(at::kFloat);
  }
  return x.to(at::kBFloat16);
}

class QuantisedAttention : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_has(CpuLevel::kAvx512Vnni)) GTEST_SKIP() << "needs AVX-512 VNNI";
    at::manual_seed(3);
  }

  static Inputs inputs(
      Kind kind, int64_t queries, int64_t keys, int64_t dim, bool causal, bool masked) {
    const int64_t heads = 4, key_heads = 2;
    Inputs inputs;
    inputs.q = values(kind, {2, queries, heads, dim});
    inputs.k = values(kind, {2, keys + 9, key_heads, dim}).narrow(1, 0, keys);
    inputs.v = values(kind, {2, keys + 9, key_heads, dim}).narrow(1, 0, keys);
    inputs.causal = causal;
    if (masked) {
      inputs.mask = at::rand({2, keys}) > 0.3;
      inputs.mask.select(1, 0).fill_(true);
    }
    return inputs;
  }

 private:
  at::NoGradGuard no_grad_;
};

TEST_F(QuantisedAttention, HasTheBitsOfAPlainLoop) {
  for (const auto kind : {Kind::kNormal, Kind::kHeavyTailed, Kind::kOffset, Kind::kExtreme}) {
    for (const int64_t keys : {1, 45, 256, 700}) {
      for (const int64_t dim : {2, 33, 64, 128}) {
        for (const bool causal : {false, true}) {
          for (const bool masked : {false, true}) {
            const auto one = inputs(kind, 7, keys, dim, causal, masked);
            EXPECT_TRUE(at::equal(one.attend(), one.by_plain_loop()))
                << "kind " << static_cast<int>(kind) << ", " << keys << " keys, dim " << dim
                << (causal ? ", causal" : "") << (masked ? ", masked" : "");
          }
        }
      }
    }
  }
}

/// Of what is quantised, the queries and keys of heavy tails cost most: one large value makes the
/// steps of the whole row coarse, and large scores make the softmax steep.
TEST_F(QuantisedAttention, IsCloseToFloat64) {
  for (const auto& [kind, bound] : std::vector<std::pair<Kind, double>>{
           {Kind::kNormal, 0.02}, {Kind::kHeavyTailed, 0.07}, {Kind::kOffset, 0.0125}}) {
    for (const int64_t keys : {1, 45, 300, 1025}) {
      for (const int64_t dim : {16, 34, 128}) {
        for (const bool causal : {false, true}) {
          const auto one = inputs(kind, std::min<int64_t>(keys, 40), keys, dim, causal, true);
          EXPECT_LT(test::relative_error(one.attend(), one.in_float64()), bound)
              << "kind " << static_cast<int>(kind) << ", " << keys << " keys, dim " << dim;
        }
      }
    }
  }
}

/// What all keys have in common changes no softmax. Without the subtraction of their mean it would
/// take the steps from what differs.
TEST_F(QuantisedAttention, AMeanOfTheKeysCostsNothing) {
  auto one = inputs(Kind::kNormal, 40, 300, 64, /*causal=*/false, /*masked=*/false);
  one.k = (one.k.to(at::kFloat) * 8).round().div(8).to(at::kBFloat16);
  const double before = test::relative_error(one.attend(), one.in_float64());
  one.k = (one.k.to(at::kFloat) + at::randint(-8, 9, {64}).to(at::kFloat)).to(at::kBFloat16);
  EXPECT_LT(test::relative_error(one.attend(), one.in_float64()), 1.2 * before);
}

TEST_F(QuantisedAttention, ARowHasTheSameBitsAloneAndInAnyCut) {
  const auto one = inputs(Kind::kNormal, 300, 300, 32, /*causal=*/true, /*masked=*/true);
  const auto together = one.attend();
  for (const int64_t threads : kThreadCounts) {
    EXPECT_TRUE(at::equal(one.attend(threads), together)) << threads;
  }
  auto last = one;
  last.q = one.q.narrow(1, 299, 1);
  EXPECT_TRUE(at::equal(last.attend(), together.narrow(1, 299, 1)));
}

TEST_F(QuantisedAttention, KeysThatAreNotSeenMayHoldAnything) {
  auto one = inputs(Kind::kNormal, 20, 300, 64, /*causal=*/false, /*masked=*/true);
  const auto before = one.attend();
  const auto unseen = one.mask.logical_not().view({2, 300, 1, 1});
  one.k = one.k.masked_fill(unseen, NAN);
  one.v = one.v.masked_fill(unseen, 1e30);
  EXPECT_TRUE(at::equal(one.attend(), before));
  one.mask.fill_(false);
  EXPECT_TRUE((one.attend() == 0).all().item<bool>());
}

}  // namespace
}  // namespace glm_image::kernels

#endif
