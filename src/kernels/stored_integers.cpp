#include "kernels/stored_integers.h"

#include <algorithm>
#include <cstring>

#include "kernels/highway_settings.h"
#include "kernels/quantised_matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/stored_integers.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "hwy/cache_control.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int64_t kPanel = PackedIntegers::kPanelColumns;
inline constexpr int64_t kWordBytes = 4;

/// Words of 8-bit values: a panel holds values + 128.
struct Bytes {
  explicit Bytes(bool is_signed) : flip(is_signed ? 0x80808080U : 0) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V words) const {
    return hn::Xor(words, hn::Set(d, flip));
  }
  uint32_t flip;
};

/// Words of 4-bit values v0 … v7: a panel holds the bytes v0 + 16·v4 … v3 + 16·v7, a perfect
/// shuffle of their halves.
struct Nibbles {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V words) const {
    const auto bytes = hn::And(hn::Xor(words, hn::ShiftRight<8>(words)), hn::Set(d, 0x0000FF00U));
    const auto by_byte = hn::Xor(words, hn::Xor(bytes, hn::ShiftLeft<8>(bytes)));
    const auto halves =
        hn::And(hn::Xor(by_byte, hn::ShiftRight<4>(by_byte)), hn::Set(d, 0x00F000F0U));
    return hn::Xor(by_byte, hn::Xor(halves, hn::ShiftLeft<4>(halves)));
  }
};

template <class Convert>
HWY_INLINE void convert_word(const Convert& convert, const uint8_t* from, uint8_t* to) {
  const hn::FixedTag<uint32_t, 1> d;
  uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  hn::StoreU(convert(d, hn::Set(d, word)), d, &word);
  std::memcpy(to, &word, sizeof word);
}

#if HWY_TARGET == HWY_SCALAR
constexpr int64_t kSide = 1;

template <class Convert>
HWY_INLINE void convert_words(const Convert& convert, const uint8_t* from, uint8_t* to) {
  convert_word(convert, from, to);
}

template <class Convert>
HWY_INLINE void transpose_square(
    const Convert& convert, const uint8_t* const (&from)[kSide], int64_t at, uint8_t* to, int64_t) {
  convert_word(convert, from[0] + at, to);
}
#else
/// Words and columns that are transposed at a time.
constexpr int64_t kSide = 4;
using FourWords = hn::FixedTag<uint32_t, 4>;

HWY_INLINE auto load_words(const uint8_t* from) {
  return hn::BitCast(FourWords(), hn::LoadU(hn::FixedTag<uint8_t, 16>(), from));
}

template <class V>
HWY_INLINE void store_words(V words, uint8_t* to) {
  const hn::FixedTag<uint8_t, 16> d;
  hn::StoreU(hn::BitCast(d, words), d, to);
}

/// Converts kSide neighbouring words.
template <class Convert>
HWY_INLINE void convert_words(const Convert& convert, const uint8_t* from, uint8_t* to) {
  store_words(convert(FourWords(), load_words(from)), to);
}

/// Converts kSide words of each of kSide columns, at from[column] + at, and writes row by row.
template <class Convert>
HWY_INLINE void transpose_square(const Convert& convert,
                                 const uint8_t* const (&from)[kSide],
                                 int64_t at,
                                 uint8_t* to,
                                 int64_t row_bytes) {
  const FourWords d;
  const hn::FixedTag<uint64_t, 2> pairs;
  const auto c0 = convert(d, load_words(from[0] + at)), c1 = convert(d, load_words(from[1] + at)),
             c2 = convert(d, load_words(from[2] + at)), c3 = convert(d, load_words(from[3] + at));
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, c0, c1)),
             low23 = hn::BitCast(pairs, hn::InterleaveLower(d, c2, c3)),
             high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, c0, c1)),
             high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, c2, c3));
  store_words(hn::InterleaveLower(pairs, low01, low23), to);
  store_words(hn::InterleaveUpper(pairs, low01, low23), to + row_bytes);
  store_words(hn::InterleaveLower(pairs, high01, high23), to + 2 * row_bytes);
  store_words(hn::InterleaveUpper(pairs, high01, high23), to + 3 * row_bytes);
}
#endif

/// Words of a column lie side by side. They are transposed.
template <class Convert>
HWY_INLINE void arrange_columns(const StoredIntegers& stored,
                                int64_t column,
                                int64_t last_column,
                                int64_t word,
                                int64_t words,
                                const Convert& convert,
                                uint8_t* to) {
  constexpr int64_t kRowBytes = kPanel * kWordBytes, kLine = 64;
  for (int64_t c = 0; c < kPanel; c += kSide) {
    const uint8_t* from[kSide];
    for (int64_t i = 0; i < kSide; ++i) {
      from[i] = stored.words + std::min(column + c + i, last_column) * stored.column_stride +
                word * kWordBytes;
    }
    uint8_t* square = to + c * kWordBytes;
    int64_t w = 0;
    for (; w + kSide <= words; w += kSide, square += kSide * kRowBytes) {
      const int64_t at = w * kWordBytes;
      if (at % kLine == 0) {
        // The words of these columns that are arranged next.
        for (const auto* of_column : from) hwy::Prefetch(of_column + at + words * kWordBytes);
      }
      transpose_square(convert, from, at, square, kRowBytes);
    }
    for (; w < words; ++w, square += kRowBytes) {
      for (int64_t i = 0; i < kSide; ++i) {
        convert_word(convert, from[i] + w * kWordBytes, square + i * kWordBytes);
      }
    }
  }
}

/// Words of neighbouring columns lie side by side, as in a panel.
template <class Convert>
HWY_INLINE void arrange_words(const StoredIntegers& stored,
                              int64_t column,
                              int64_t last_column,
                              int64_t word,
                              int64_t words,
                              const Convert& convert,
                              uint8_t* to) {
  const int64_t columns = std::min(kPanel, last_column + 1 - column);
  for (int64_t w = 0; w < words; ++w, to += kPanel * kWordBytes) {
    const uint8_t* from = stored.words + (word + w) * stored.word_stride + column * kWordBytes;
    int64_t c = 0;
    for (; c + kSide <= columns; c += kSide) {
      convert_words(convert, from + c * kWordBytes, to + c * kWordBytes);
    }
    for (; c < kPanel; ++c) {
      convert_word(convert, from + std::min(c, columns - 1) * kWordBytes, to + c * kWordBytes);
    }
  }
}

template <class Convert>
HWY_INLINE void arrange_with(const PackedIntegers& weight,
                             int64_t panel,
                             int64_t first,
                             int64_t last,
                             const Convert& convert,
                             uint8_t* values) {
  const int64_t in_word = 32 / weight.bits, column = panel * kPanel;
  const int64_t word = first / in_word, words = (last - first) / in_word;
  const bool by_column = weight.stored.word_stride == kWordBytes;
  const int64_t last_column = weight.columns - 1;
  if (!by_column) {
    arrange_words(weight.stored, column, last_column, word, words, convert, values);
    return;
  }
  // 16 KiB of a panel, so that its lines stay in the first-level cache until they are full.
  constexpr int64_t kAtOnce = 64;
  for (int64_t w = 0; w < words; w += kAtOnce, values += kAtOnce * kPanel * kWordBytes) {
    const int64_t count = std::min(kAtOnce, words - w);
    arrange_columns(weight.stored, column, last_column, word + w, count, convert, values);
  }
}

void arrange_values_kernel(
    const PackedIntegers& weight, int64_t panel, int64_t first, int64_t last, uint8_t* values) {
  if (weight.bits == 8) {
    arrange_with(weight, panel, first, last, Bytes(weight.stored.is_signed), values);
  } else {
    arrange_with(weight, panel, first, last, Nibbles(), values);
  }
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(arrange_values_kernel);

void arrange_values(
    const PackedIntegers& weight, int64_t panel, int64_t first, int64_t last, uint8_t* values) {
  HWY_DYNAMIC_DISPATCH(arrange_values_kernel)(weight, panel, first, last, values);
}

void arrange_scales(
    const PackedIntegers& weight, int64_t panel, int64_t first, int64_t last, uint8_t* scales) {
  constexpr int64_t kPanel = PackedIntegers::kPanelColumns;
  const auto& stored = weight.stored;
  const auto copy = [&](auto scale) {
    for (int64_t group = first; group < last; ++group) {
      for (int64_t c = 0; c < kPanel; ++c) {
        const int64_t column = std::min(panel * kPanel + c, weight.columns - 1);
        std::memcpy(
            &scale,
            stored.scales + column * stored.scale_column_stride + group * stored.scale_group_stride,
            sizeof scale);
        std::memcpy(scales, &scale, sizeof scale);
        scales += sizeof scale;
      }
    }
  };
  if (weight.scale_bytes() == 4) {
    copy(uint32_t{0});
  } else {
    copy(uint16_t{0});
  }
}

}  // namespace glm_image::kernels
#endif
