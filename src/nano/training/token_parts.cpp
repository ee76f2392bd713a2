#include "nano/training/token_parts.h"

#include <algorithm>
#include <cmath>

#include "nano/posters/arrangement.h"
#include "nano/posters/poster_data.h"
#include "nano/training/index_of.h"
#include "nano/training/item_areas.h"
#include "nano/training/scene_questions.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kMostGridSteps =
    4;  // cells along a side of a pictogram; later cells count as the last
constexpr int64_t kMostColumns = 12;  // cells along a line, likewise
constexpr int64_t kLines = 2;
constexpr int64_t kHeights = 8;       // half cells above or below the base line
constexpr int64_t kLowestHeight = 3;  // of which this many are below it

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

}  // namespace

std::vector<int64_t> count_part_answers(const posters::PosterSource& source) {
  return {kMostGridSteps * kMostGridSteps,
          kMostColumns,
          kLines,
          kHeights,
          static_cast<int64_t>(posters::kTextSizes.size()),
          static_cast<int64_t>(source.data().lettering.styles().size())};
}

Tensor token_parts(const posters::PosterSource& source,
                   const PosterExample& example,
                   const text::Grid& grid) {
  const double side = text::kTokenSide;
  const double step =
      posters::kGrid * static_cast<double>(std::min(example.image.width, example.image.height));
  auto parts = at::full({6, grid.size()}, kNoAnswer, at::kLong);
  auto part_at = parts.accessor<int64_t, 2>();
  const auto steps = [&](double from, double to, int64_t most) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::floor((to - from) / step)), 0, most - 1);
  };
  const auto of_tokens = areas_of_tokens(example.layout, grid);
  for (int64_t token = 0; token < grid.size(); ++token) {
    const auto& area = of_tokens[static_cast<std::size_t>(token)];
    if (!area) continue;
    const int64_t row = token / grid.width, column = token % grid.width;
    const double x = (static_cast<double>(column) + 0.5) * side;
    const double y = (static_cast<double>(row) + 0.5) * side;
    if (area->line == nullptr) {
      part_at[0][token] =
          kMostGridSteps * steps(area->y, y, kMostGridSteps) + steps(area->x, x, kMostGridSteps);
      continue;
    }
    const auto& line = *area->line;
    const auto& item = example.scene.texts.at(area->index);
    part_at[1][token] = steps(line.x, x, kMostColumns);
    part_at[2][token] = std::min<int64_t>(static_cast<int64_t>(line.line), kLines - 1);
    part_at[3][token] = std::clamp<int64_t>(
        static_cast<int64_t>(std::floor(2 * (line.base_line - y) / step + 0.25)) + kLowestHeight,
        0,
        kHeights - 1);
    part_at[4][token] = size_of(item);
    part_at[5][token] = style_of(source, item);
  }
  return parts;
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

}  // namespace glm_image::nano
