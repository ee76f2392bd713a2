#pragma once

#include <algorithm>
#include <cstdint>

#include "core/round_up.h"
#include "kernels/element.h"
#include "kernels/scratch.h"
#include "kernels/stored_integers.h"

/// Products with weights that are 4- or 8-bit integers times a scale. The activations are quantised
/// to 8 bits: each row has a scale for each block of the depth, max|x|/127. The products are summed
/// as integers within a block and as float32 over the blocks, in order, so that every form of the
/// kernels gives the same bits for any number of rows.
namespace glm_image::kernels {

enum class ScaleType { kFloat32, kFloat16, kBfloat16 };

/// A weight [columns, depth], packed in panels of kPanelColumns columns. A panel is
/// [depth/4][kPanelColumns][4 values] of unsigned bytes, value + 128; with 4 bits it is
/// [depth/8][kPanelColumns][4 bytes], a byte holding value + 8 of step 2i in its low half and of
/// step 2i + 1 in its high half (a step being 4 values of the depth). This is the order that byte
/// dot products need: a vector is one step of several columns, so no horizontal sum is needed.
/// Values beyond the columns and the depth are padding and are ignored.
struct PackedIntegers {
  static constexpr int64_t kPanelColumns = 64;
  static constexpr int64_t kStepDepth = 4;
  static constexpr int64_t kDepthMultiple = 8;
  /// The most values of the depth that are summed as integers: such a part of a panel, at most
  /// 16 KiB, stays in the first-level cache.
  static constexpr int64_t kMaxBlockDepth = 256;

  int bits = 8;
  int64_t columns = 0, depth = 0;
  /// Values of a column that share a scale; `depth` for one scale a column. Otherwise a multiple
  /// of kDepthMultiple that divides the depth, at most kMaxBlockDepth or a multiple of it.
  int64_t group = 0;
  const uint8_t* values = nullptr;
  const void* scales = nullptr;  ///< [panels][groups][kPanelColumns]
  ScaleType scale_type = ScaleType::kFloat32;
  /// Set, and `values` and `scales` null, for a weight in the order of its file. The depth is then
  /// a multiple of kDepthMultiple. The product arranges a part of a panel at a time.
  StoredIntegers stored;

  bool is_stored() const { return stored.words != nullptr; }
  int64_t panels() const { return divide_up(columns, kPanelColumns); }
  int64_t groups() const { return divide_up(depth, group); }
  int64_t padded_depth() const { return round_up(depth, kDepthMultiple); }
  int64_t block_depth() const { return std::min(group, kMaxBlockDepth); }
  int64_t blocks() const { return divide_up(depth, block_depth()); }
  int64_t panel_bytes() const { return padded_depth() * kPanelColumns * bits / 8; }
  int64_t scale_bytes() const { return scale_type == ScaleType::kFloat32 ? 4 : 2; }
};

/// out = x·weightᵀ + bias. Strides in values; the innermost dimension is dense.
struct QuantisedMatmul {
  Element element = Element::kFloat32;  ///< of x, bias and out
  const void* x = nullptr;              ///< [rows, depth]
  int64_t x_stride = 0;
  int64_t rows = 0;
  PackedIntegers weight;
  const void* bias = nullptr;  ///< [columns] or null
  void* out = nullptr;         ///< [rows, columns]
  int64_t out_stride = 0;
  int64_t threads = 1;  ///< threads that share the work
};

/// A block of a quantised row: its scale, and what its integer sums start from (the offset of the
/// weights' bytes times the sum of the row's integers, negative).
struct RowBlock {
  float scale;
  int32_t start;
};

/// The rows of x as the kernel reads them, in groups of a tile's height.
class QuantisedRows {
 public:
  explicit QuantisedRows(const QuantisedMatmul& problem);
  int64_t groups() const { return groups_; }
  int8_t* values() const { return values_.data(); }
  RowBlock* blocks() const { return blocks_.data(); }

 private:
  int64_t groups_;
  Scratch<int8_t> values_;
  Scratch<RowBlock> blocks_;
};

/// Fills groups first … last − 1. All must be filled before the product.
void quantise_rows(const QuantisedMatmul& problem,
                   QuantisedRows& rows,
                   int64_t first,
                   int64_t last);

/// Divides the product into independent pieces: panels × groups of rows. A piece processes one part
/// of the depth of its panels at a time, with all its rows.
struct QuantisedCut {
  explicit QuantisedCut(const QuantisedMatmul& problem);
  int64_t pieces() const { return across * down; }
  /// Whether there are several parts, so that the partial sums of all groups are kept in memory.
  bool waits() const { return part_blocks < blocks; }
  /// Bytes of the values of a part of a panel as the product reads them, and of its scales.
  int64_t part_values(const PackedIntegers& weight) const;
  int64_t part_scales(const PackedIntegers& weight) const;

  int64_t groups;               ///< of rows
  int64_t piece_panels;         ///< of a piece, at most
  int64_t across, down;         ///< pieces side by side and one below the other
  int64_t piece_groups;         ///< of a piece, at most
  int64_t blocks, part_blocks;  ///< of a panel; of a part of it, at most
  /// Bits of a value of the weight as the product reads it: 8 where a piece writes 4-bit values of
  /// its parts a byte each, otherwise those of the weight.
  int64_t width;
};

/// Working memory that one thread uses for one piece after the other.
struct QuantisedWorkspace {
  explicit QuantisedWorkspace(const QuantisedMatmul& problem);
  QuantisedWorkspace(const QuantisedMatmul& problem, const QuantisedCut& cut);
  Scratch<float> sums;
  Scratch<uint8_t> values, scales;  ///< of a part of the panels of a stored weight
};

/// Computes one piece, 0 ≤ piece < QuantisedCut(problem).pieces().
void quantised_matmul_piece(const QuantisedMatmul& problem,
                            const QuantisedRows& rows,
                            int64_t piece,
                            QuantisedWorkspace& workspace);

}  // namespace glm_image::kernels
