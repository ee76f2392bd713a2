#include "kernels/quantised_matmul.h"

#include "core/cpu_level.h"
#include "core/round_up.h"
#include "kernels/quantised_kernels.h"

namespace glm_image::kernels {
namespace {

using P = PackedIntegers;

/// Activations are padded to the number of values that a tile reads of a row.
constexpr int64_t kTileUnit = 64;

/// Tiles read whole.
constexpr int64_t kReadBehind = 64 * P::kPanelColumns;

/// Rows up to which the weights are read once: a part of a panel stays in the first-level cache
/// while all rows pass by.
constexpr int64_t kFewRows = 48;
constexpr int64_t kFewRowsPartBytes = 16 << 10;
/// With more rows, the parts of two panels stay in the second-level cache. Rows and partial sums
/// are in memory, so deep parts, which reduce the traffic of sums, matter as much as several
/// panels, which reduce that of rows.
constexpr int64_t kPiecePanels = 2;
constexpr int64_t kPartBytes = 256 << 10;

const QuantisedKernels& or_plain(const QuantisedKernels* form) {
  return form != nullptr ? *form : *quantised_kernels_plain();
}

}  // namespace

const QuantisedKernels& quantised_kernels(const QuantisedMatmul& problem) {
  switch (cpu_level()) {
    case CpuLevel::kAmx:
      // Few rows are bound by the memory, and would fill tiles in part.
      if (problem.rows > kFewRows && fits_amx(problem)) {
        return or_plain(quantised_kernels_amx());
      }
      return or_plain(quantised_kernels_avx512vnni());
    case CpuLevel::kAvx512Bf16:
    case CpuLevel::kAvx512Vnni:
      return or_plain(quantised_kernels_avx512vnni());
    case CpuLevel::kAvxVnni:
      return or_plain(quantised_kernels_avxvnni());
    case CpuLevel::kAvx2:
      return or_plain(quantised_kernels_avx2());
    case CpuLevel::kNeonDot:
      return or_plain(quantised_kernels_neondot());
    case CpuLevel::kNeon:
    case CpuLevel::kPlain:
      break;
  }
  return *quantised_kernels_plain();
}

QuantisedRows::QuantisedRows(const QuantisedMatmul& problem)
    : groups_(divide_up(problem.rows, quantised_kernels(problem).tile_rows)),
      values_(groups_ * quantised_kernels(problem).tile_rows *
              divide_up(problem.weight.depth, kTileUnit) * kTileUnit *
              (problem.weight.bits == 8 ? quantised_kernels(problem).value_bytes
                                        : quantised_kernels(problem).value_bytes_4)),
      blocks_(groups_ * quantised_kernels(problem).tile_rows * problem.weight.blocks()) {}

void quantise_rows(const QuantisedMatmul& problem,
                   QuantisedRows& rows,
                   int64_t first,
                   int64_t last) {
  quantised_kernels(problem).quantise(problem, rows, first, last);
}

QuantisedCut::QuantisedCut(const QuantisedMatmul& problem)
    : groups(divide_up(problem.rows, quantised_kernels(problem).tile_rows)),
      piece_panels(problem.rows > kFewRows ? kPiecePanels : 1),
      across(divide_up(problem.weight.panels(), piece_panels)),
      blocks(problem.weight.blocks()),
      width(problem.rows > kFewRows && quantised_kernels(problem).widens_nibbles
                ? 8
                : problem.weight.bits) {
  // With many threads pieces get fewer rows, down to where reading the weights would show. So that
  // waiting sums stay small, no piece has more than some rows.
  constexpr int64_t kPiecesPerThread = 4, kFewestRows = 258, kMostRows = 2112;
  const int64_t rows = groups * quantised_kernels(problem).tile_rows;
  down = std::max(divide_up(rows, kMostRows),
                  std::min(divide_up(rows, kFewestRows),
                           divide_up(kPiecesPerThread * problem.threads, across)));
  piece_groups = divide_up(groups, down);
  const int64_t block_bytes = problem.weight.block_depth() * P::kPanelColumns * width / 8;
  const int64_t bytes = problem.rows > kFewRows ? kPartBytes : kFewRowsPartBytes;
  const int64_t most = std::max<int64_t>(1, bytes / block_bytes);
  part_blocks = divide_up(blocks, divide_up(blocks, most));
}

int64_t QuantisedCut::part_values(const PackedIntegers& weight) const {
  const int64_t depth = divide_up(part_blocks * weight.block_depth(), P::kDepthMultiple);
  return depth * P::kDepthMultiple * P::kPanelColumns * width / 8;
}

int64_t QuantisedCut::part_scales(const PackedIntegers& weight) const {
  // A part may begin and end within groups.
  const int64_t of_part = part_blocks * weight.block_depth() / weight.group + 2;
  return std::min(weight.groups(), of_part) * P::kPanelColumns * weight.scale_bytes();
}

QuantisedWorkspace::QuantisedWorkspace(const QuantisedMatmul& problem)
    : QuantisedWorkspace(problem, QuantisedCut(problem)) {}

QuantisedWorkspace::QuantisedWorkspace(const QuantisedMatmul& problem, const QuantisedCut& cut)
    : sums((cut.waits() ? cut.piece_groups : 1) * cut.piece_panels *
           quantised_kernels(problem).tile_rows * P::kPanelColumns),
      values(!problem.weight.is_stored() && cut.width == problem.weight.bits
                 ? 0
                 : cut.piece_panels * cut.part_values(problem.weight) + kReadBehind),
      scales(problem.weight.is_stored() ? cut.piece_panels * cut.part_scales(problem.weight) : 0) {}

void quantised_matmul_piece(const QuantisedMatmul& problem,
                            const QuantisedRows& rows,
                            int64_t piece,
                            QuantisedWorkspace& workspace) {
  quantised_kernels(problem).multiply(problem, rows, piece, workspace);
}

}  // namespace glm_image::kernels
