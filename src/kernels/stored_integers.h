#pragma once

#include <cstdint>

/// Quantised weights in the order of their files, so that a product can read a mapped file.
namespace glm_image::kernels {

struct PackedIntegers;

/// Integers and scales of a weight [columns, depth]. Neighbours in depth share a little-endian
/// 32-bit word, the first in its lowest bits: four of 8 bits, or eight of 4 bits. Addresses need no
/// alignment.
struct StoredIntegers {
  const uint8_t* words = nullptr;
  /// Bytes from a word to the one of the next column, and to the next one of the same column. One
  /// of them is 4.
  int64_t column_stride = 0, word_stride = 0;
  bool is_signed = false;  ///< bytes in two's complement; otherwise values + 128, or + 8
  const uint8_t* scales = nullptr;
  int64_t scale_column_stride = 0, scale_group_stride = 0;  ///< bytes
};

/// Writes the values first … last − 1 of the depth, multiples of 8, in the order of a panel of
/// PackedIntegers. `weight.stored` is set. Columns beyond the last one repeat it.
void arrange_values(
    const PackedIntegers& weight, int64_t panel, int64_t first, int64_t last, uint8_t* values);

/// Writes the scales of groups first … last − 1 of a panel, [groups][kPanelColumns].
void arrange_scales(
    const PackedIntegers& weight, int64_t panel, int64_t first, int64_t last, uint8_t* scales);

}  // namespace glm_image::kernels
