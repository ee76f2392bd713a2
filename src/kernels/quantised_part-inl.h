// The weights of a quantised product as its tiles read them, a part of the depth at a time.
// Included by every form's file, inside its namespace and its region of instructions, after what
// quantised_rows-inl.h asks for and kLanes, the columns of a vector. (No include guard.)

#include "kernels/quantised_rows-inl.h"

inline constexpr int64_t kPanel = PackedIntegers::kPanelColumns;
inline constexpr int64_t kPanelVectors = kPanel / kLanes;

/// Operands of a group of rows × a panel, for blocks first … last − 1. Weights have kBits bits and
/// are read as kWidth bits: kWidth is kBits, or 8 for 4-bit weights.
template <int kBits, int kWidth>
struct PanelPart {
  const PackedIntegers& weight;
  int64_t first_block, last_block;
  const uint8_t* values;                 ///< of the first block
  const char* scales;                    ///< of the first block
  const typename Dots<kBits>::Value* x;  ///< of the whole group
  const RowBlock* row_blocks;
};

/// Bytes of a pair of steps in a panel of 4 bits, and of each of the two in one of 8.
inline constexpr int64_t kPairBytes = 4 * kPanel;

inline void widen_pairs(const uint8_t* from, int64_t pairs, uint8_t* to) {
  for (int64_t pair = 0; pair < pairs; ++pair, from += kPairBytes, to += 2 * kPairBytes) {
    for (int64_t i = 0; i < kPairBytes; ++i) to[i] = from[i] & 15;
    for (int64_t i = 0; i < kPairBytes; ++i) to[kPairBytes + i] = from[i] >> 4;
  }
}

/// Blocks first … last − 1 of the panels of a piece, arranged in the workspace if the weight is
/// stored, and widened there.
template <int kBits, int kWidth>
class PartReader {
 public:
  PartReader(const QuantisedMatmul& problem,
             const QuantisedCut& cut,
             int64_t first_panel,
             int64_t last_panel,
             QuantisedWorkspace& workspace)
      : weight_(problem.weight),
        first_panel_(first_panel),
        last_panel_(last_panel),
        values_of_panel_(cut.part_values(weight_)),
        scales_of_panel_(cut.part_scales(weight_)),
        workspace_(workspace) {}

  void read(int64_t first, int64_t last) {
    first_ = first;
    last_ = last;
    if (!is_in_workspace()) return;
    const int64_t begin = first * weight_.block_depth(),
                  end = std::min(last * weight_.block_depth(), weight_.depth);
    for (int64_t panel = first_panel_; panel < last_panel_; ++panel) {
      const int64_t index = panel - first_panel_;
      uint8_t* values = workspace_.values.data() + index * values_of_panel_;
      if constexpr (kWidth == kBits) {
        arrange_values(weight_, panel, begin, end, values);
      } else {
        widen_values(panel, begin, end, values);
      }
      if (!weight_.is_stored()) continue;
      arrange_scales(weight_,
                     panel,
                     begin / weight_.group,
                     (end - 1) / weight_.group + 1,
                     workspace_.scales.data() + index * scales_of_panel_);
    }
  }

  PanelPart<kBits, kWidth> part(int64_t panel) const {
    PanelPart<kBits, kWidth> part{weight_, first_, last_, nullptr, nullptr, nullptr, nullptr};
    const int64_t index = panel - first_panel_, begin = first_ * weight_.block_depth();
    part.values = is_in_workspace() ? workspace_.values.data() + index * values_of_panel_
                                    : packed_values(panel, begin);
    if (weight_.is_stored()) {
      part.scales =
          reinterpret_cast<const char*>(workspace_.scales.data()) + index * scales_of_panel_;
    } else {
      part.scales =
          static_cast<const char*>(weight_.scales) +
          (panel * weight_.groups() + begin / weight_.group) * kPanel * weight_.scale_bytes();
    }
    return part;
  }

 private:
  bool is_in_workspace() const { return weight_.is_stored() || kWidth != kBits; }

  const uint8_t* packed_values(int64_t panel, int64_t begin) const {
    return weight_.values + panel * weight_.panel_bytes() + begin * kPanel * kBits / 8;
  }

  /// Writes values begin … end − 1 of the depth a byte each, and those of the padding.
  void widen_values(int64_t panel, int64_t begin, int64_t end, uint8_t* to) const {
    constexpr int64_t kPairDepth = 2 * PackedIntegers::kStepDepth;
    constexpr int64_t kPairsAtOnce = 64;  // 16 KiB, which stay in the first-level cache
    uint8_t arranged[kPairsAtOnce * kPairBytes];
    for (; begin < end; begin += kPairsAtOnce * kPairDepth) {
      const int64_t pairs = std::min(kPairsAtOnce, divide_up(end - begin, kPairDepth));
      if (weight_.is_stored()) {
        arrange_values(weight_, panel, begin, begin + pairs * kPairDepth, arranged);
        widen_pairs(arranged, pairs, to);
      } else {
        widen_pairs(packed_values(panel, begin), pairs, to);
      }
      to += 2 * pairs * kPairBytes;
    }
  }

  const PackedIntegers& weight_;
  int64_t first_panel_, last_panel_;
  int64_t values_of_panel_, scales_of_panel_;  ///< bytes in the workspace
  QuantisedWorkspace& workspace_;
  int64_t first_ = 0, last_ = 0;
};
