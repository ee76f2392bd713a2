// nn::attention and its plain form against an explicit softmax in float64.

#include <cmath>
#include <fstream>
#include <vector>

#include "nn/functional.h"
#include "nn/fused_test_support.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::relative_error;

class Attention : public test::FusedKernels {};

/// One query and one head at a time.
Tensor naive_attention(const Tensor& q,
                       const Tensor& k,
                       const Tensor& v,
                       const AttentionOptions& options) {
  const int64_t batch = q.size(0), queries = q.size(1), heads = q.size(2), keys = k.size(1);
  const int64_t group = heads / k.size(2);
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))));
  auto out = at::zeros(q.sizes(), at::kDouble);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      const auto key = k.select(0, b).select(1, h / group).to(at::kDouble);
      const auto value = v.select(0, b).select(1, h / group).to(at::kDouble);
      for (int64_t i = 0; i < queries; ++i) {
        auto scores = at::mv(key, q.select(0, b).select(1, h)[i].to(at::kDouble)) * scale;
        if (options.bias.defined()) {
          scores = scores + options.bias.expand({batch, heads, queries, keys})[b][h][i];
        }
        if (options.key_mask.defined()) {
          scores = scores.masked_fill(options.key_mask[b].logical_not(), -INFINITY);
        }
        if (options.causal) {
          scores = scores.narrow(0, 0, i + 1 + keys - queries);
        }
        const auto weights = at::softmax(scores, 0);
        out[b][i][h] = at::mv(value.narrow(0, 0, weights.size(0)).t(), weights);
      }
    }
  }
  return out;
}

/// Weights and results are each rounded to bfloat16.
constexpr double kTwoBfloat16Roundings = 4e-3;

void expect_attention(const Tensor& q,
                      const Tensor& k,
                      const Tensor& v,
                      const AttentionOptions& options) {
  EXPECT_LT(relative_error(attention(q, k, v, options), naive_attention(q, k, v, options)), 2e-6);
  EXPECT_LT(relative_error(plain::attention(q, k, v, options), naive_attention(q, k, v, options)),
            2e-6);
  const auto qb = q.to(at::kBFloat16), kb = k.to(at::kBFloat16), vb = v.to(at::kBFloat16);
  const auto found = attention(qb, kb, vb, options);
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(found, naive_attention(qb, kb, vb, options)), kTwoBfloat16Roundings);
}

TEST_P(Attention, Dimensions) {
  for (const int64_t dim : {8, 16, 20, 32, 64, 96, 128, 7}) {
    for (const int64_t queries : {1, 3, 9}) {
      SCOPED_TRACE(concat("dim ", dim, ", queries ", queries));
      expect_attention(random_tensor({2, queries, 3, dim}),
                       random_tensor({2, 11, 3, dim}),
                       random_tensor({2, 11, 3, dim}),
                       {});
    }
  }
}

TEST_P(Attention, ManyKeys) {
  // Several blocks of keys and of rows, all incomplete.
  expect_attention(random_tensor({1, 250, 2, 32}),
                   random_tensor({1, 700, 2, 32}),
                   random_tensor({1, 700, 2, 32}),
                   {});
}

TEST_P(Attention, GroupedHeads) {
  for (const int64_t queries : {1, 2, 13}) {
    SCOPED_TRACE(queries);
    expect_attention(random_tensor({2, queries, 8, 16}),
                     random_tensor({2, 37, 2, 16}),
                     random_tensor({2, 37, 2, 16}),
                     {});
  }
}

TEST_P(Attention, CausalWithCache) {
  AttentionOptions options;
  options.causal = true;
  for (const auto& [queries, keys] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {1, 300}, {5, 5}, {4, 70}, {64, 64}, {300, 300}, {30, 400}}) {
    for (const int64_t key_heads : {1, 4}) {
      SCOPED_TRACE(concat(queries, " queries, ", keys, " keys, ", key_heads, " key heads"));
      expect_attention(random_tensor({1, queries, 4, 32}),
                       random_tensor({1, keys, key_heads, 32}),
                       random_tensor({1, keys, key_heads, 32}),
                       options);
    }
  }
}

TEST_P(Attention, KeyMask) {
  AttentionOptions options;
  options.key_mask = at::rand({2, 300}) > 0.5;
  options.key_mask.select(1, 0).fill_(true);  // query 0 of a causal mask sees only key 0
  for (const bool causal : {false, true}) {
    for (const int64_t queries : {2, 300}) {
      SCOPED_TRACE(concat(queries, causal ? " causal" : ""));
      options.causal = causal;
      expect_attention(random_tensor({2, queries, 2, 16}),
                       random_tensor({2, 300, 2, 16}),
                       random_tensor({2, 300, 2, 16}),
                       options);
    }
  }
}

TEST_P(Attention, KeyMaskHidesTheLargestScore) {
  // Taking the maximum before masking would set every other weight to zero.
  AttentionOptions options;
  options.key_mask = at::ones({1, 90}, at::kBool);
  options.key_mask[0][40] = false;
  auto k = random_tensor({1, 90, 2, 16});
  const auto q = random_tensor({1, 7, 2, 16}).abs();
  k.select(1, 40).fill_(50);
  expect_attention(q, k, random_tensor({1, 90, 2, 16}), options);
}

TEST_P(Attention, ScaleAndBias) {
  AttentionOptions options;
  options.scale = 1.0;
  expect_attention(random_tensor({2, 6, 4, 16}),
                   random_tensor({2, 9, 4, 16}),
                   random_tensor({2, 9, 4, 16}),
                   options);
  options.bias = random_tensor({1, 4, 6, 9});
  options.key_mask = at::ones({2, 9}, at::kBool);
  options.key_mask.narrow(1, 7, 2).fill_(false);
  const auto q = random_tensor({2, 6, 4, 16}), k = random_tensor({2, 9, 4, 16}),
             v = random_tensor({2, 9, 4, 16});
  EXPECT_LT(relative_error(attention(q, k, v, options), naive_attention(q, k, v, options)), 2e-6);
}

TEST_P(Attention, LargeScores) {
  // Softmax of scores in the thousands must not give overflow or 0/0.
  expect_attention(random_tensor({1, 5, 2, 16}) * 100,
                   random_tensor({1, 300, 2, 16}) * 100,
                   random_tensor({1, 300, 2, 16}),
                   {});
}

TEST_P(Attention, ReadsPartOfACache) {
  // Keys as returned by KeyValueCache, and heads that are slices of a fused projection.
  AttentionOptions options;
  options.causal = true;
  const auto keys = random_tensor({2, 50, 2, 16}), values = random_tensor({2, 50, 2, 16});
  const auto fused = random_tensor({2, 3, 12, 16});
  for (const int64_t length : {7, 33}) {
    SCOPED_TRACE(length);
    expect_attention(
        fused.narrow(2, 4, 4), keys.narrow(1, 0, length), values.narrow(1, 0, length), options);
  }
  // Storage by head, and values that are not contiguous in any dimension.
  expect_attention(random_tensor({2, 4, 3, 16}).transpose(1, 2),
                   keys.narrow(1, 0, 9),
                   random_tensor({2, 16, 2, 9}).permute({0, 3, 2, 1}),
                   options);
}

INSTANTIATE_TEST_SUITE_P(Targets, Attention, test::all_targets(), test::target_name);

TEST(AttentionMemory, RowsAtOnceRespectTheLimit) {
  EXPECT_EQ(attention_rows_at_once(1, 32, 100, 100), 100);
  const int64_t rows = attention_rows_at_once(1, 32, 16384, 16384);
  EXPECT_EQ(rows, 128);
  EXPECT_LE(rows * 32 * 16384 * 4, kMaxScoreBytes);
  EXPECT_EQ(attention_rows_at_once(64, 512, 9, int64_t{1} << 20), 1);
  EXPECT_EQ(attention_rows_at_once(1, 1, 0, 0), 1);
}

/// Peak resident memory since the last reset, in bytes; 0 if the system does not report it.
int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes << 10;
  }
  return 0;
}

bool reset_peak_memory() {
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5" << std::flush;
  return clear.good() && peak_memory() > 0;
}

TEST(AttentionMemory, NoScoreMatrixOfManyTokens) {
  const at::NoGradGuard no_grad;
  // 16384 keys × 32 heads: the scores of all 512 queries would take 1 GiB, those of all tokens 32
  // GiB.
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(type);
    const auto q = random_tensor({1, 512, 32, 16}).to(type);
    const auto k = random_tensor({1, 16384, 32, 16}).to(type);
    if (!reset_peak_memory()) GTEST_SKIP() << "this system does not tell peak memory";
    const int64_t before = peak_memory();
    attention(q, k, k, {});
    // Scores and the weights computed from them exist at the same time.
    EXPECT_LT(peak_memory() - before, 5 * kMaxScoreBytes / 2);
  }
}

}  // namespace
}  // namespace glm_image::nn
