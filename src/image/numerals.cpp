#include "image/numerals.h"

#include <algorithm>
#include <array>
#include <string>

namespace glm_image::image {
namespace {

constexpr int64_t kColumns = 5, kRows = 7, kMargin = 1;

/// Rows from the top, the leftmost column in the highest of five bits.
constexpr std::array<std::array<uint8_t, kRows>, 10> kDigits = {{
    {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
    {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
    {0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111},
    {0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110},
    {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
    {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
    {0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
    {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
    {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
    {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
}};

}  // namespace

void write_number(Image& image, int64_t number) {
  const auto digits = std::to_string(number);
  // In cells of `scale` pixels: a margin around the digits and one column between two.
  const int64_t columns = static_cast<int64_t>(digits.size()) * (kColumns + 1) - 1 + 2 * kMargin;
  const int64_t rows = kRows + 2 * kMargin;
  const int64_t scale = std::max<int64_t>(std::min(image.width, image.height) / (10 * rows), 1);
  if (columns * scale > image.width || rows * scale > image.height) return;
  const auto is_ink = [&](int64_t column, int64_t row) {
    column -= kMargin;
    row -= kMargin;
    if (column < 0 || row < 0 || row >= kRows) return false;
    const auto digit = static_cast<size_t>(column / (kColumns + 1));
    const int64_t within = column % (kColumns + 1);
    if (digit >= digits.size() || within == kColumns) return false;
    return (kDigits[digits[digit] - '0'][row] >> (kColumns - 1 - within) & 1) != 0;
  };
  for (int64_t y = 0; y < rows * scale; ++y) {
    for (int64_t x = 0; x < columns * scale; ++x) {
      const uint8_t value = is_ink(x / scale, y / scale) ? 255 : 0;
      for (int64_t c = 0; c < 3; ++c) image.pixels[(y * image.width + x) * 3 + c] = value;
    }
  }
}

}  // namespace glm_image::image
