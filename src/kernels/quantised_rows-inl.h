// The rows of x of a quantised product, quantised and arranged for its tiles. Included by each
// form's file, inside its namespace and its region of instructions. (No include guard.) The file
// defines before:
//
//   kTileRows     rows of a group
//   kUnit         values of a row that lie together in a group: a step, or what a tile takes
//   kPadsRows     whether every group has all its rows in memory
//   Dots<kBits>   Value, the type of an activation; kOffset, which the bytes of weights have more
//                 than their values; arrange(const int8_t* unit, Value*)

/// The values of a row of x as float32.
inline void widen(const float* from, int64_t count, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

inline void widen(const uint16_t* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = static_cast<uint32_t>(from[i]) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

/// Rounds to nearest even.
inline void narrow(const float* from, int64_t count, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

inline void narrow(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, from + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    const bool is_number = (bits & 0x7FFFFFFFU) <= 0x7F800000U;
    to[i] = static_cast<uint16_t>(is_number ? rounded : 0x7FC0U);
  }
}

/// The largest magnitude, by its bits: their order is that of the numbers. More than every number's
/// bits where one is not finite.
inline float largest_magnitude(const float* values, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, values + i, sizeof bits);
    bits &= 0x7FFFFFFFU;
    largest = largest < bits ? bits : largest;
  }
  float result = 0;
  std::memcpy(&result, &largest, sizeof result);
  return result;
}

/// Quantises a block of a row and returns its scale; the sum of the integers goes to `sum`. A block
/// with a value that is not finite becomes zeros with a scale that is not a number.
inline float quantise_block(const float* x, int64_t count, int8_t* integers, int32_t* sum) {
  const float largest = largest_magnitude(x, count);
  const bool finite = largest <= std::numeric_limits<float>::max();
  // The reciprocal of something smaller would not be finite.
  const float factor = finite && largest > 1e-30F ? 127.0F / largest : 0.0F;
  if (factor == 0.0F) {
    std::memset(integers, 0, static_cast<std::size_t>(count));
    *sum = 0;
    return finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
  }
  int32_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto integer = static_cast<int32_t>(__builtin_rintf(x[i] * factor));
    integers[i] = static_cast<int8_t>(integer);
    total += integer;
  }
  *sum = total;
  return largest / 127.0F;
}

/// Values of a row in memory.
inline int64_t padded_activations(const PackedIntegers& weight) {
  constexpr int64_t kMultiple = std::max<int64_t>(kUnit, PackedIntegers::kDepthMultiple);
  return divide_up(weight.depth, kMultiple) * kMultiple;
}

/// Rows of a group and where its values and blocks are.
template <typename Value>
struct GroupPlace {
  GroupPlace(const QuantisedMatmul& problem, const QuantisedRows& all, int64_t group)
      : rows(std::min(kTileRows, problem.rows - group * kTileRows)),
        height(kPadsRows ? kTileRows : rows),
        values(reinterpret_cast<Value*>(all.values()) +
               group * kTileRows * padded_activations(problem.weight)),
        blocks(all.blocks() + group * kTileRows * problem.weight.blocks()) {}

  int64_t rows;      ///< of x
  int64_t height;    ///< in memory
  Value* values;     ///< [depth/kUnit][height][kUnit]
  RowBlock* blocks;  ///< [blocks][height]
};

/// Calls act(std::integral_constant) with the height of a group.
template <typename Action>
void for_height([[maybe_unused]] int64_t height, const Action& act) {
  static_assert(kPadsRows || kTileRows == 6);
  if constexpr (kPadsRows) {
    return act(std::integral_constant<int, kTileRows>());
  } else {
    switch (height) {
      case 1:
        return act(std::integral_constant<int, 1>());
      case 2:
        return act(std::integral_constant<int, 2>());
      case 3:
        return act(std::integral_constant<int, 3>());
      case 4:
        return act(std::integral_constant<int, 4>());
      case 5:
        return act(std::integral_constant<int, 5>());
      default:
        return act(std::integral_constant<int, 6>());
    }
  }
}

inline constexpr int64_t kMostInBlock = PackedIntegers::kMaxBlockDepth + 64;

/// Puts the rows of a block side by side. Unit by unit and not row by row, so that each store
/// follows the one before.
template <int kBits, int64_t kHeight>
void arrange_rows(const int8_t (&integers)[kTileRows][kMostInBlock],
                  int64_t count,
                  typename Dots<kBits>::Value* to) {
  for (int64_t i = 0; i < count; i += kUnit) {
#pragma GCC unroll 6
    for (int64_t r = 0; r < kHeight; ++r, to += kUnit) Dots<kBits>::arrange(integers[r] + i, to);
  }
}

template <typename T, int kBits>
void quantise_group(const QuantisedMatmul& problem, const QuantisedRows& all, int64_t group) {
  using Value = typename Dots<kBits>::Value;
  const GroupPlace<Value> place(problem, all, group);
  const auto& weight = problem.weight;
  const int64_t block_depth = weight.block_depth();
  float wide[PackedIntegers::kMaxBlockDepth];
  int8_t integers[kTileRows][kMostInBlock];
  for (int64_t b = 0; b < weight.blocks(); ++b) {
    const int64_t begin = b * block_depth, count = std::min(block_depth, weight.depth - begin);
    const int64_t padded = b + 1 == weight.blocks() ? padded_activations(weight) - begin : count;
    for (int64_t r = 0; r < place.height; ++r) {
      const T* row = static_cast<const T*>(problem.x) +
                     (group * kTileRows + std::min(r, place.rows - 1)) * problem.x_stride;
      widen(row + begin, count, wide);
      int32_t sum = 0;
      const float scale = quantise_block(wide, count, integers[r], &sum);
      place.blocks[b * place.height + r] = {scale, -Dots<kBits>::kOffset * sum};
      std::memset(integers[r] + count, 0, static_cast<std::size_t>(padded - count));
    }
    for_height(place.height, [&](auto height) {
      arrange_rows<kBits, height>(integers, padded, place.values + begin * place.height);
    });
  }
}

template <int kBits>
void quantise_groups(const QuantisedMatmul& problem,
                     const QuantisedRows& rows,
                     int64_t first,
                     int64_t last) {
  for (int64_t group = first; group < last; ++group) {
    if (problem.element == Element::kFloat32) {
      quantise_group<float, kBits>(problem, rows, group);
    } else {
      quantise_group<uint16_t, kBits>(problem, rows, group);
    }
  }
}

void quantise(const QuantisedMatmul& problem,
              const QuantisedRows& rows,
              int64_t first,
              int64_t last) {
  if (problem.weight.bits == 8) {
    quantise_groups<8>(problem, rows, first, last);
  } else {
    quantise_groups<4>(problem, rows, first, last);
  }
}
