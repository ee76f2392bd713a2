// The body of every form of the quantised product, included once by each form's file, inside its
// namespace and its region of instructions. (No include guard.) The file defines before:
//
//   kLanes        columns of a vector
//   kTileRows     rows of a group
//   kUnit         values of a row that lie together in a group: a step, or what a tile takes
//   kPadsRows     whether every group has all its rows in memory
//   Ints, Floats  vectors of kLanes int32 and float32
//   set_ints(i), load_floats(p), store_floats(v, p)
//   add_scaled(sum, ints, x_scale, w_scale)    fma(float(ints), x_scale·w_scale, sum)
//   load_scales<kScaleType>(p)
//   vectors_at_once(rows)        vectors of a tile of so many rows
//   Dots<kBits>   Value, the type of an activation; kOffset, which the bytes of weights have more
//                 than their values; arrange(const int8_t* step, Value*); and
//                 add(Ints (&sums)[rows][vectors], const Value* x, const uint8_t* weights, steps)
//   kWidensNibbles   whether products of many rows read 4-bit weights a byte each, written once for
//                    all rows. Their function is add of Dots<4, 8>, for weights in the order of a
//                    panel of 8 bits, with the offset of 4 bits.

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

/// Returns the bits of the largest magnitude; bits of positive floats order as their values. If a
/// value is not finite, the result exceeds the bits of every finite number.
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

/// Quantises a block of a row, returns its scale, and writes the sum of the integers to `sum`. A
/// block with a value that is not finite becomes zeros with a scale that is not a number.
inline float quantise_block(const float* x, int64_t count, int8_t* integers, int32_t* sum) {
  const float largest = largest_magnitude(x, count);
  const bool finite = largest <= std::numeric_limits<float>::max();
  // The reciprocal of a smaller scale would not be finite.
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
  return round_up(weight.depth, kMultiple);
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
void for_height(int64_t height, const Action& act) {
  static_assert(kTileRows == 6);
  switch (kPadsRows ? kTileRows : height) {
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

inline constexpr int64_t kMostInBlock = PackedIntegers::kMaxBlockDepth + 64;

/// Puts the rows of a block side by side. Step by step and not row by row, so that each store
/// follows the one before.
template <int kBits, int64_t kHeight>
void arrange_rows(const int8_t (&integers)[kTileRows][kMostInBlock],
                  int64_t count,
                  typename Dots<kBits>::Value* to) {
  constexpr int64_t kStep = PackedIntegers::kStepDepth;
  static_assert(kUnit == kStep);
  for (int64_t i = 0; i < count; i += kStep) {
#pragma GCC unroll 6
    for (int64_t r = 0; r < kHeight; ++r, to += kStep) Dots<kBits>::arrange(integers[r] + i, to);
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

#include "kernels/quantised_part-inl.h"

/// One block of some columns: sums[row][column] += integers of the block · their scales. Not
/// inlined, because GCC would run out of registers in the loops.
template <int kRows, int kBits, int kWidth, ScaleType kScales>
[[gnu::noinline]] void add_block(const typename Dots<kBits>::Value* x,
                                 const uint8_t* values,
                                 int64_t steps,
                                 const RowBlock* rows,
                                 const char* scales,
                                 float* sums) {
  constexpr int kVectors = vectors_at_once(kRows);
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  Ints integers[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) integers[r][v] = set_ints(rows[r].start);
  }
  Dots<kBits, kWidth>::add(integers, x, values, steps);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const auto w_scale = load_scales<kScales>(scales + v * kLanes * kScaleBytes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* sum = sums + r * kPanel + v * kLanes;
      store_floats(add_scaled(load_floats(sum), integers[r][v], rows[r].scale, w_scale), sum);
    }
  }
}

/// sums[row][column] += the part.
template <int kRows, int kBits, int kWidth, ScaleType kScales>
void add_panel_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  constexpr int kVectors = vectors_at_once(kRows);
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  const auto& weight = part.weight;
  const int64_t depth = weight.padded_depth(), block_depth = weight.block_depth();
  const int64_t first = part.first_block * block_depth;
  for (int64_t b = part.first_block; b < part.last_block; ++b) {
    const int64_t begin = b * block_depth;
    const int64_t end = b + 1 == weight.blocks() ? depth : begin + block_depth;
    const uint8_t* values = part.values + (begin - first) * kPanel * kWidth / 8;
    const char* block_scales =
        part.scales + (begin / weight.group - first / weight.group) * kPanel * kScaleBytes;
    for (int64_t vector = 0; vector < kPanelVectors; vector += kVectors) {
      add_block<kRows, kBits, kWidth, kScales>(part.x + begin * kRows,
                                               values + vector * kLanes * 4,
                                               (end - begin) / 4,
                                               part.row_blocks + b * kRows,
                                               block_scales + vector * kLanes * kScaleBytes,
                                               sums + vector * kLanes);
    }
  }
}

template <int kRows, int kBits, int kWidth>
void add_panel_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  switch (part.weight.scale_type) {
    case ScaleType::kFloat32:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kFloat32>(part, sums);
    case ScaleType::kFloat16:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kFloat16>(part, sums);
    case ScaleType::kBfloat16:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kBfloat16>(part, sums);
  }
}

/// Adds the bias and rounds what lies inside the output.
template <typename T>
void write_panel(
    const QuantisedMatmul& problem, int64_t row, int64_t rows, int64_t panel, float* sums) {
  const int64_t column = panel * kPanel,
                columns = std::min(kPanel, problem.weight.columns - column);
  float bias[kPanel] = {};
  if (problem.bias != nullptr) widen(static_cast<const T*>(problem.bias) + column, columns, bias);
  for (int64_t r = 0; r < rows; ++r) {
    float* sum = sums + r * kPanel;
    for (int64_t c = 0; c < kPanel; ++c) sum[c] += bias[c];
    T* out = static_cast<T*>(problem.out) + (row + r) * problem.out_stride + column;
    if (columns == kPanel) {
      narrow(sum, kPanel, out);  // a number known to the compiler: no loop for a remainder
    } else {
      narrow(sum, columns, out);
    }
  }
}

/// All groups use one part of the panels before the next part begins. Partial sums are kept in
/// memory.
template <int kBits, int kWidth>
void multiply_piece(const QuantisedMatmul& problem,
                    const QuantisedRows& rows,
                    int64_t piece,
                    QuantisedWorkspace& workspace) {
  using Place = GroupPlace<typename Dots<kBits>::Value>;
  constexpr int64_t kTileSize = kTileRows * kPanel;
  const QuantisedCut cut(problem);
  const int64_t across = piece % cut.across, down = piece / cut.across;
  const int64_t first_panel = across * cut.piece_panels,
                last_panel = std::min(first_panel + cut.piece_panels, problem.weight.panels());
  const int64_t first_group = cut.groups * down / cut.down,
                last_group = cut.groups * (down + 1) / cut.down;
  const int64_t blocks = problem.weight.blocks();
  const int64_t group_sums = cut.waits() ? cut.piece_panels * kTileSize : 0;
  PartReader<kBits, kWidth> reader(problem, cut, first_panel, last_panel, workspace);
  for (int64_t block = 0; block < blocks; block += cut.part_blocks) {
    const bool is_last = block + cut.part_blocks >= blocks;
    reader.read(block, std::min(block + cut.part_blocks, blocks));
    for (int64_t group = first_group; group < last_group; ++group) {
      const Place place(problem, rows, group);
      float* sums = workspace.sums.data() + (group - first_group) * group_sums;
      for (int64_t panel = first_panel; panel < last_panel; ++panel, sums += kTileSize) {
        if (block == 0) std::memset(sums, 0, kTileSize * sizeof(float));
        auto part = reader.part(panel);
        part.x = place.values;
        part.row_blocks = place.blocks;
        for_height(place.height,
                   [&](auto height) { add_panel_part<height, kBits, kWidth>(part, sums); });
        if (!is_last) continue;
        if (problem.element == Element::kFloat32) {
          write_panel<float>(problem, group * kTileRows, place.rows, panel, sums);
        } else {
          write_panel<uint16_t>(problem, group * kTileRows, place.rows, panel, sums);
        }
      }
    }
  }
}

void multiply(const QuantisedMatmul& problem,
              const QuantisedRows& rows,
              int64_t piece,
              QuantisedWorkspace& workspace) {
  if (problem.weight.bits == 8) {
    return multiply_piece<8, 8>(problem, rows, piece, workspace);
  }
  if constexpr (kWidensNibbles) {
    if (QuantisedCut(problem).width == 8) {
      return multiply_piece<4, 8>(problem, rows, piece, workspace);
    }
  }
  multiply_piece<4, 4>(problem, rows, piece, workspace);
}

constexpr QuantisedKernels kKernels = {
    kTileRows, sizeof(Dots<8>::Value), sizeof(Dots<4>::Value), kWidensNibbles, quantise, multiply};
