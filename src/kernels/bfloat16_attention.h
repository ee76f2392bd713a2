#pragma once

#include <cstdint>

#include "kernels/bfloat16_dot_product.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// softmax(scale·q·kᵀ + masks)·v in bfloat16, summed in float32; scores exist only for a few rows
/// and a few hundred keys at a time ("flash" attention). A query that may see no key gets zeros.
struct Bfloat16Attention {
  /// Of one of [batch, tokens, heads, dim]; dim is dense. In values.
  struct Strides {
    int64_t batch = 0, token = 0, head = 0;
  };
  const uint16_t* q = nullptr;  ///< [batch, queries, key_heads·group, dim]
  const uint16_t* k = nullptr;  ///< [batch, keys, key_heads, dim]
  const uint16_t* v = nullptr;  ///< like k
  uint16_t* out = nullptr;      ///< like q
  Strides q_strides, k_strides, v_strides, out_strides;
  int64_t batch = 0, queries = 0, keys = 0, key_heads = 0;
  int64_t group = 1;  ///< query heads that share a key head: those from group·key_head on
  int64_t dim = 0;    ///< even
  float scale = 1;
  bool causal = false;             ///< query i sees keys 0 … i + keys − queries
  const bool* key_mask = nullptr;  ///< [batch, keys], true where a key may be seen; or null
  int64_t threads = 1;             ///< that share the pieces
};

/// Into how many independent pieces the work is cut: a piece is some or all queries of one key head
/// and packs the keys and values of that head.
int64_t bfloat16_attention_pieces(const Bfloat16Attention& problem);

/// Working memory that one thread uses for one piece after the other.
struct Bfloat16AttentionWorkspace {
  explicit Bfloat16AttentionWorkspace(const Bfloat16Attention& problem);
  Scratch<uint16_t> keys, values;  ///< of one head, packed
  Scratch<uint16_t> queries;       ///< rows in work
  Scratch<float> sums;             ///< their weighted sums of values
  Scratch<float> bias;             ///< 0 or −∞ for every key
};

/// Computes one piece, 0 ≤ piece < bfloat16_attention_pieces. Needs has_bfloat16_dot_product().
void bfloat16_attention_piece(const Bfloat16Attention& problem,
                              int64_t piece,
                              Bfloat16AttentionWorkspace& workspace);

}  // namespace glm_image::kernels
