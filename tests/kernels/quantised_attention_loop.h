#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/attention_problem.h"

namespace glm_image::kernels::test_loop {

inline constexpr int64_t kBlock = 256, kPanel = 64, kLanes = 16;

inline float widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

inline uint16_t narrow(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1U)) >> 16);
}

inline float exp2_of(float x) {
  const float whole = std::nearbyint(x), f = x - whole;
  float p = 1.3333558e-3F;
  for (const float c : {9.6181291e-3F, 5.5504109e-2F, 2.4022651e-1F, 6.9314718e-1F, 1.0F}) {
    p = std::fma(p, f, c);
  }
  return std::ldexp(p, static_cast<int>(std::max(whole, -1000.0F)));
}

/// 255·2^(x/2048) for x ≤ 0, in the fixed point of the kernel.
inline int32_t weight_of(float x) {
  const int32_t fixed = -static_cast<int32_t>(std::max(std::nearbyint(x), -32768.0F));
  const uint32_t g = static_cast<uint32_t>(std::abs(fixed)) << 5 & 0xffffU;
  uint32_t p = 21738 - (g * 5503 >> 16);
  p = 32584 - (g * p >> 16);
  return static_cast<int32_t>((p >> (std::abs(fixed) >> 11)) * 256 + 0x4000) >> 15;
}

struct QuantisedRow {
  std::vector<int32_t> integers;
  float scale;
};

inline QuantisedRow quantise(const std::vector<float>& row) {
  float most = 1e-30F;
  for (const float x : row) most = std::max(most, std::abs(x));
  const float inverse = 127.0F / most;
  QuantisedRow result{{}, most / 127.0F};
  for (const float x : row) {
    result.integers.push_back(static_cast<int32_t>(std::nearbyint(x * inverse)));
  }
  return result;
}

/// Rows of one head, [tokens][dim].
inline std::vector<std::vector<float>> head_rows(const void* values,
                                                 const AttentionProblem::Strides& strides,
                                                 int64_t batch,
                                                 int64_t head,
                                                 int64_t tokens,
                                                 int64_t dim) {
  std::vector<std::vector<float>> rows;
  for (int64_t t = 0; t < tokens; ++t) {
    const auto* row = static_cast<const uint16_t*>(values) + batch * strides.batch +
                      t * strides.token + head * strides.head;
    rows.emplace_back();
    for (int64_t c = 0; c < dim; ++c) rows.back().push_back(widen(row[c]));
  }
  return rows;
}

/// Subtracts the mean of the rows that are seen, of every so many of them; returns it.
inline std::vector<float> centre(std::vector<std::vector<float>>& rows,
                                 const std::vector<bool>& seen) {
  std::vector<float> mean(rows[0].size(), 0.0F);
  int64_t count = 0;
  const auto step = std::max<size_t>(rows.size() / 500, 1);
  for (size_t i = 0; i < rows.size(); i += step) {
    if (!seen[i]) continue;
    ++count;
    for (size_t c = 0; c < mean.size(); ++c) mean[c] += rows[i][c];
  }
  for (auto& m : mean) m *= 1.0F / static_cast<float>(std::max<int64_t>(count, 1));
  for (auto& row : rows) {
    for (size_t c = 0; c < mean.size(); ++c) row[c] -= mean[c];
  }
  return mean;
}

/// The keys and values of a head, quantised.
struct Head {
  Head(const AttentionProblem& problem, int64_t batch, int64_t key_head)
      : seen(static_cast<size_t>(problem.keys), true) {
    for (int64_t i = 0; i < problem.keys && problem.key_mask != nullptr; ++i) {
      seen[static_cast<size_t>(i)] = problem.key_mask[batch * problem.keys + i];
    }
    auto k = head_rows(problem.k, problem.k_strides, batch, key_head, problem.keys, problem.dim);
    centre(k, seen);
    for (const auto& row : k) keys.push_back(quantise(row));
    auto v = head_rows(problem.v, problem.v_strides, batch, key_head, problem.keys, problem.dim);
    mean = centre(v, seen);
    values.assign(v.size(), std::vector<int32_t>(mean.size(), 0));
    for (size_t first = 0; first < v.size(); first += kBlock) {
      const size_t last = std::min(v.size(), first + kBlock);
      scales.emplace_back();
      for (size_t c = 0; c < mean.size(); ++c) {
        float most = 1e-30F;
        for (size_t i = first; i < last; ++i) {
          if (seen[i]) most = std::max(most, std::abs(v[i][c]));
        }
        scales.back().push_back(most * (1.0F / 127));
        const float inverse = 1.0F / scales.back().back();
        for (size_t i = first; i < last; ++i) {
          if (seen[i]) values[i][c] = static_cast<int32_t>(std::nearbyint(v[i][c] * inverse));
        }
      }
    }
  }

  std::vector<bool> seen;
  std::vector<QuantisedRow> keys;
  std::vector<std::vector<int32_t>> values;
  std::vector<std::vector<float>> scales;  // [blocks][dim]
  std::vector<float> mean;                 // of the values
};

/// One row of quantised_attention_piece in plain C++: the same integers, and the same float32
/// operations in the same order.
inline std::vector<uint16_t> attend(const Head& head,
                                    const QuantisedRow& query,
                                    float scale,
                                    int64_t visible) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const float factor = query.scale * scale * 1.44269504F;
  float before = kNone, lanes[kLanes] = {};
  std::vector<float> sums(head.mean.size(), 0.0F);
  for (int64_t first = 0; first < visible; first += kBlock) {
    const int64_t count = std::min(kBlock, visible - first);
    float scores[kBlock], largest = kNone;
    for (int64_t i = 0; i < count; ++i) {
      const auto& key = head.keys[static_cast<size_t>(first + i)];
      int32_t sum = 0;
      for (size_t c = 0; c < key.integers.size(); ++c) sum += query.integers[c] * key.integers[c];
      const bool seen = head.seen[static_cast<size_t>(first + i)];
      scores[i] = seen ? static_cast<float>(sum) * key.scale : kNone;
      largest = std::max(largest, scores[i]);
    }
    const float of_block = largest * factor, after = std::max(before, of_block);
    const float correction = before == kNone ? 0.0F : exp2_of(before - after);
    const float block_scale =
        of_block == kNone ? 0.0F : exp2_of(of_block - after) * (1.0F / 255.0F);
    before = after;
    int32_t weights[kBlock] = {}, weight_sums[kLanes] = {};
    for (int64_t i = 0; i < count; ++i) {
      if (scores[i] == kNone) continue;
      weights[i] = weight_of(std::fma(scores[i], factor * 2048, -(of_block * 2048)));
      // Lane 4·l + j of a panel's vector of bytes holds keys 16·j + 4·l and the three behind it.
      const int64_t in_panel = i % kPanel;
      weight_sums[in_panel % kLanes / 4 * 4 + in_panel / kLanes] += weights[i];
    }
    for (int64_t l = 0; l < kLanes; ++l) {
      lanes[l] = std::fma(static_cast<float>(weight_sums[l]), block_scale, lanes[l] * correction);
    }
    for (size_t c = 0; c < sums.size(); ++c) {
      int32_t sum = 0;
      for (int64_t i = 0; i < count; ++i) {
        sum += weights[i] * head.values[static_cast<size_t>(first + i)][c];
      }
      const float of_channel = head.scales[static_cast<size_t>(first / kBlock)][c] * block_scale;
      sums[c] = std::fma(static_cast<float>(sum), of_channel, sums[c] * correction);
    }
  }
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  const bool has_seen = lanes[0] > 0.5F;
  std::vector<uint16_t> out;
  for (size_t c = 0; c < sums.size(); ++c) {
    out.push_back(has_seen ? narrow(std::fma(sums[c], 1.0F / lanes[0], head.mean[c])) : 0);
  }
  return out;
}

}  // namespace glm_image::kernels::test_loop
