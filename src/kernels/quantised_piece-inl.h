// A piece of a quantised product: the last part of every form. (No include guard.) Defined before:
//
//   add_panel_part<kRows, kBits, kWidth>(part, sums)    sums[row][column] += the part
//   kWidensNibbles   whether products of many rows read 4-bit weights a byte each, written once for
//                    all rows (kWidth 8), in the order of a panel of 8 bits with the offset of 4
//   kReadsNibbles    whether products read 4-bit weights as they are

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

/// All groups pass by a part of the panels before the next part. The sums wait in memory meanwhile.
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
  if constexpr (kReadsNibbles) multiply_piece<4, 4>(problem, rows, piece, workspace);
}

constexpr QuantisedKernels kKernels = {
    kTileRows, sizeof(Dots<8>::Value), sizeof(Dots<4>::Value), kWidensNibbles, quantise, multiply};
