#include "train/token_parts.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "posters/arrangement.h"
#include "posters/poster_data.h"
#include "train/index_of.h"
#include "train/scene_questions.h"
#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

constexpr int64_t kMostSteps = 4;     // along a side of a pictogram; any beyond count as the last
constexpr int64_t kMostColumns = 11;  // of a line, likewise
constexpr int64_t kLines = 2;
constexpr int64_t kHeights = 8;       // half steps from the base line …
constexpr int64_t kLowestHeight = 3;  // … of which so many are below it
constexpr int64_t kBesideLine = kMostColumns;

int64_t size_of(const posters::TextItem& item) {
  return index_of(
      posters::kTextSizes,
      [&](double size) { return std::fabs(size - item.size) < 1e-6; },
      item.size);
}

int64_t style_of(const posters::PosterSource& source, const posters::TextItem& item) {
  return index_of(
      source.data().lettering.styles(),
      [&](const auto& style) { return style.id == item.style; },
      item.style);
}

/// Of the lines of a text the one that these pixels of a column belong to: the first whose base
/// line is not far above.
const posters::LineBox& line_at(const posters::Layout& layout,
                                std::size_t text,
                                double y,
                                double em) {
  const posters::LineBox* last = nullptr;
  for (const auto& line : layout.lines) {
    if (line.text != text) continue;
    last = &line;
    if (y <= line.base_line + posters::kDescent * em) break;
  }
  GLM_IMAGE_CHECK(last != nullptr, "a text of a poster has no lines");
  return *last;
}

}  // namespace

std::vector<int64_t> count_part_answers(const posters::PosterSource& source) {
  return {kMostSteps * kMostSteps,
          kMostColumns + 1,
          kLines,
          kHeights,
          static_cast<int64_t>(posters::kTextSizes.size()),
          static_cast<int64_t>(source.data().lettering.styles().size())};
}

Tensor token_parts(const posters::PosterSource& source,
                   const PosterExample& example,
                   const Tensor& kinds,
                   const text::Grid& grid) {
  const auto& layout = example.layout;
  const double side = text::kPixelsPerToken;
  const double unit = static_cast<double>(std::min(example.image.width, example.image.height));
  const double step = posters::kGrid * unit;
  auto parts = at::full({6, grid.height, grid.width}, kNoAnswer, at::kLong);
  auto part_at = parts.accessor<int64_t, 3>();
  const auto kinds_of_tokens = kinds.view({grid.height, grid.width});
  const auto kind_at = kinds_of_tokens.accessor<int64_t, 2>();
  const auto steps = [&](double from, double to, int64_t most) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::floor((to - from) / step)), 0, most - 1);
  };
  for (const auto& box : layout.boxes) {
    const bool is_text = box.kind == posters::BoxKind::kText;
    const int64_t kind = is_text ? kind_of(source, example.scene.texts.at(box.index))
                                 : kind_of(source, example.scene.pictograms.at(box.index));
    for (int64_t row = 0; row < grid.height; ++row) {
      for (int64_t column = 0; column < grid.width; ++column) {
        if (kind_at[row][column] != kind ||
            overlap_of_cell(row, text::kPixelsPerToken, box.y, box.height) == 0 ||
            overlap_of_cell(column, text::kPixelsPerToken, box.x, box.width) == 0) {
          continue;
        }
        const double x = (static_cast<double>(column) + 0.5) * side;
        const double y = (static_cast<double>(row) + 0.5) * side;
        if (!is_text) {
          part_at[0][row][column] = kMostSteps * steps(static_cast<double>(box.y), y, kMostSteps) +
                                    steps(static_cast<double>(box.x), x, kMostSteps);
          continue;
        }
        const auto& item = example.scene.texts[box.index];
        const auto& line = line_at(layout, box.index, y, item.size * unit);
        const bool is_beside = x < line.x || x - side / 2 > line.x + line.width;
        part_at[1][row][column] = is_beside ? kBesideLine : steps(line.x, x, kMostColumns);
        part_at[2][row][column] = std::min<int64_t>(static_cast<int64_t>(line.line), kLines - 1);
        part_at[3][row][column] = std::clamp<int64_t>(
            static_cast<int64_t>(std::floor(2 * (line.base_line - y) / step + 0.25)) +
                kLowestHeight,
            0,
            kHeights - 1);
        part_at[4][row][column] = size_of(item);
        part_at[5][row][column] = style_of(source, item);
      }
    }
  }
  return parts.flatten(1);
}

Tensor content_flags(const Tensor& kinds, const Tensor& parts, const std::vector<int64_t>& counts) {
  const auto flags_of = [](const Tensor& answers, int64_t count) {
    return answers.unsqueeze(1) == at::arange(count, answers.options()).unsqueeze(0);
  };
  std::vector<Tensor> flags{flags_of(kinds, counts.at(0))};
  for (int64_t question = 0; question < parts.size(0); ++question) {
    flags.push_back(flags_of(parts[question], counts.at(question + 1)));
  }
  return at::cat(flags, 1).to(at::kFloat);
}

}  // namespace glm_image::train
