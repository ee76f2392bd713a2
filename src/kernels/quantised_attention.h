#pragma once

#include "kernels/attention_problem.h"
#include "kernels/scratch.h"

/// Attention of bfloat16 tensors by dot products of 8-bit integers, for AVX-512 VNNI. It is about
/// as accurate as products with 8-bit weights (docs/quantisation.md).
///
/// Scores: the mean of the keys is subtracted from each key, which changes no softmax
/// (SageAttention, Zhang et al. 2024, arXiv:2410.02367). Each query and each key then has a scale,
/// max|x|/127.
///
/// Values: the weights of a row in a block of keys are 0 … 255 times a scale, so that the largest
/// one is 255. So a block's rounding errors are small relative to its own largest weight. The mean
/// of the values is subtracted, and each channel has a scale in each block of keys.
///
/// Sums are int32 within a block and float32 over blocks. Softmax is float32 and divides by the sum
/// of the rounded weights. A row has the same bits alone and among others.
namespace glm_image::kernels {

/// Whether this CPU has a kernel that is faster than that for bfloat16: VNNI without AMX.
bool has_quantised_attention();

/// As bfloat16_attention_pieces.
int64_t quantised_attention_pieces(const AttentionProblem& problem);

/// Working memory that one thread uses for one piece after the other.
struct QuantisedAttentionWorkspace {
  explicit QuantisedAttentionWorkspace(const AttentionProblem& problem);
  Scratch<uint8_t> keys;        ///< of one head, packed: integer + 128
  Scratch<float> key_scales;    ///< [keys]
  Scratch<int8_t> values;       ///< of one head, packed
  Scratch<float> value_scales;  ///< [blocks of keys][dim]
  Scratch<float> means;         ///< of the keys, [dim], then of the values
  Scratch<float> bias;          ///< 0 or −∞ for every key
  Scratch<float> centred;       ///< values of a block of keys without their mean
  Scratch<int8_t> queries;      ///< of the rows being computed
  Scratch<float> sums;          ///< their weighted sums of values
  Scratch<int8_t> row;          ///< a row of a query or key, quantised
};

/// Computes one piece, 0 ≤ piece < quantised_attention_pieces. q, k, v and out are bfloat16. Needs
/// cpu_has(CpuLevel::kAvx512Vnni).
void quantised_attention_piece(const AttentionProblem& problem,
                               int64_t piece,
                               QuantisedAttentionWorkspace& workspace);

}  // namespace glm_image::kernels
