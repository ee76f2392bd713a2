#include "nano/training/scene_questions.h"

#include <algorithm>

#include "nano/posters/poster_data.h"
#include "nano/training/item_areas.h"
#include "nano/training/token_kinds.h"

namespace glm_image::nano {
namespace {

/// First and last column, first and last row, last column in the first row and in the last row.
constexpr size_t kEdges = 6;
constexpr size_t kKindQuestions = posters::kPlaceCount;
constexpr size_t kGroundQuestions = 2;

}  // namespace

std::vector<int64_t> count_scene_answers(const posters::PosterSource& source) {
  std::vector<int64_t> counts(kKindQuestions, count_token_kinds(source));
  const auto colours = static_cast<int64_t>(source.data().palette.colours().size());
  counts.insert(counts.end(), {colours, 1 + colours});
  counts.insert(counts.end(), kEdges * posters::kPlaceCount, kMostTokens);
  return counts;
}

int64_t count_kind_questions() {
  return static_cast<int64_t>(kKindQuestions + kGroundQuestions);
}

std::vector<int64_t> places_of_questions() {
  std::vector<int64_t> places;
  for (size_t place = 0; place < kKindQuestions; ++place) {
    places.push_back(static_cast<int64_t>(place));
  }
  places.insert(places.end(), kGroundQuestions, 0);
  for (size_t question = 0; question < kEdges * posters::kPlaceCount; ++question) {
    places.push_back(static_cast<int64_t>(question / kEdges));
  }
  return places;
}

Tensor scene_answers(const posters::PosterSource& source,
                     const posters::Scene& scene,
                     const posters::Layout& layout,
                     const text::Grid& grid) {
  std::vector<int64_t> kinds(kKindQuestions, 0);
  std::vector<int64_t> edges(kEdges * posters::kPlaceCount, kNoAnswer);
  const auto answer = [&](const auto& item, int64_t token) {
    const auto place = static_cast<size_t>(item.place);
    kinds.at(place) = kind_of(source, item);
    const auto edge = edges.begin() + static_cast<std::ptrdiff_t>(kEdges * place);
    const auto spread = [](int64_t& first, int64_t& last, int64_t at) {
      first = first == kNoAnswer ? at : std::min(first, at);
      last = std::max(last, at);
    };
    const int64_t column = std::min(token % grid.width, kMostTokens - 1);
    const int64_t row = std::min(token / grid.width, kMostTokens - 1);
    spread(edge[0], edge[1], column);
    spread(edge[2], edge[3], row);
    // Tokens are visited row by row, from left to right.
    if (row == edge[2]) edge[4] = column;
    edge[5] = column;
  };
  const auto of_tokens = areas_of_tokens(layout, grid);
  for (int64_t token = 0; token < grid.size(); ++token) {
    const auto& area = of_tokens[static_cast<size_t>(token)];
    if (!area) continue;
    if (area->kind == posters::BoxKind::kText) {
      answer(scene.texts.at(area->index), token);
    } else {
      answer(scene.pictograms.at(area->index), token);
    }
  }
  const auto& ground = scene.background;
  auto answers = std::move(kinds);
  answers.push_back(index_of_colour(source, ground.first));
  answers.push_back(ground.second ? 1 + index_of_colour(source, *ground.second) : 0);
  answers.insert(answers.end(), edges.begin(), edges.end());
  return torch::tensor(answers);
}

}  // namespace glm_image::nano
