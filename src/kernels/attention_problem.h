#pragma once

#include <algorithm>
#include <cstdint>

#include "core/round_up.h"

namespace glm_image::kernels {

/// softmax(scale·q·kᵀ + masks)·v. A query that may see no key gets zeros.
struct AttentionProblem {
  /// Strides of a tensor [batch, tokens, heads, dim], in values; dim is dense.
  struct Strides {
    int64_t batch = 0, token = 0, head = 0;
  };
  const void* q = nullptr;  ///< [batch, queries, key_heads·group, dim]
  const void* k = nullptr;  ///< [batch, keys, key_heads, dim]
  const void* v = nullptr;  ///< like k
  void* out = nullptr;      ///< like q
  Strides q_strides, k_strides, v_strides, out_strides;
  int64_t batch = 0, queries = 0, keys = 0, key_heads = 0;
  int64_t group = 1;  ///< query heads that share a key head: those from group·key_head on
  int64_t dim = 0;
  float scale = 1;                 ///< > 0
  bool causal = false;             ///< query i sees keys 0 … i + keys − queries
  const bool* key_mask = nullptr;  ///< [batch, keys], true where a key may be seen; or null
  int64_t threads = 1;             ///< threads that share the work
};

/// Divides the work into independent pieces. A piece is some or all rows of one key head, and packs
/// its keys and values. Rows are the pairs (query, head of the group), in that order, so that the
/// heads of a group, which see the same keys, fill a tile even for a single query.
struct AttentionPiece {
  int64_t batch, key_head, first_row, last_row;

  /// Where the row lies in q or out, in values.
  int64_t offset(const AttentionProblem& problem,
                 const AttentionProblem::Strides& strides,
                 int64_t row) const {
    return batch * strides.batch + row / problem.group * strides.token +
           (key_head * problem.group + row % problem.group) * strides.head;
  }
};

class AttentionCut {
 public:
  /// tile_rows: rows computed together. cheap_rows: the number of rows from which packing the keys
  /// takes a negligible part of a piece's time.
  AttentionCut(const AttentionProblem& problem, int64_t tile_rows, int64_t cheap_rows)
      : tile_rows_(tile_rows),
        rows_(problem.queries * problem.group),
        key_heads_(problem.key_heads),
        heads_(problem.batch * problem.key_heads),
        tiles_(divide_up(rows_, tile_rows)) {
    constexpr int64_t kPiecesPerThread = 4;
    const int64_t wanted = divide_up(problem.threads * kPiecesPerThread, heads_);
    const int64_t needed = divide_up(problem.threads, heads_);
    const int64_t cheap = rows_ / cheap_rows;
    parts_ = std::clamp<int64_t>(std::min(wanted, std::max(cheap, needed)), 1, tiles_);
  }

  int64_t pieces() const { return heads_ * parts_; }

  AttentionPiece piece(int64_t index) const {
    // The last part first: under a causal mask it is the longest.
    const int64_t part = parts_ - 1 - index % parts_, head = index / parts_;
    return {head / key_heads_,
            head % key_heads_,
            std::min(rows_, tiles_ * part / parts_ * tile_rows_),
            std::min(rows_, tiles_ * (part + 1) / parts_ * tile_rows_)};
  }

 private:
  int64_t tile_rows_, rows_, key_heads_, heads_, tiles_;
  int64_t parts_;  ///< pieces of a head
};

/// Returns the number of keys, from the first on, that a row sees, ignoring the mask.
inline int64_t visible_keys(const AttentionProblem& problem, int64_t row) {
  if (!problem.causal) return problem.keys;
  return std::clamp<int64_t>(
      row / problem.group + 1 + problem.keys - problem.queries, 0, problem.keys);
}

}  // namespace glm_image::kernels
