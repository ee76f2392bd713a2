#pragma once

#include <cstdint>
#include <cstring>

namespace glm_image::quant {

/// Value `index` of `bits` (1 to 8) bits each in a little-endian bit string, least significant bit
/// first. Reads the bytes that the value touches and none behind them.
inline uint32_t bits_at(const char* bytes, int64_t index, int64_t bits) {
  const int64_t first = index * bits;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes) + first / 8;
  const int64_t shift = first % 8;
  uint32_t value = at[0];
  if (shift + bits > 8) value |= uint32_t{at[1]} << 8;
  return (value >> shift) & ((1U << bits) - 1U);
}

/// The 32-bit word `index` of little-endian bytes of any alignment.
inline uint32_t word_at(const char* bytes, int64_t index) {
  uint32_t word = 0;
  std::memcpy(&word, bytes + 4 * index, sizeof word);
  return word;
}

/// The eight 4-bit values of a word, less 8, as signed bytes in order.
inline uint64_t nibbles_less_8(uint32_t word) {
  uint64_t v = word;
  v = (v | v << 16) & 0x0000FFFF0000FFFFULL;
  v = (v | v << 8) & 0x00FF00FF00FF00FFULL;
  v = ((v | v << 4) & 0x0F0F0F0F0F0F0F0FULL) ^ 0x0808080808080808ULL;
  // Bit 3 of each byte is now its sign.
  return v | (v & 0x0808080808080808ULL) * 0x1E;
}

}  // namespace glm_image::quant
