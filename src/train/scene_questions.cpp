#include "train/scene_questions.h"

#include <algorithm>

#include "posters/poster_data.h"
#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

/// First and last column, first and last row.
constexpr size_t kEdges = 4;
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
  for (const auto& box : layout.boxes) {
    const auto answer = [&](const auto& item) {
      const auto place = static_cast<size_t>(item.place);
      kinds.at(place) = kind_of(source, item);
      const auto token = [](int64_t pixel, int64_t tokens) {
        return std::min(pixel / text::kPixelsPerToken, std::min(tokens, kMostTokens) - 1);
      };
      const auto first = edges.begin() + static_cast<std::ptrdiff_t>(kEdges * place);
      first[0] = token(box.x, grid.width);
      first[1] = token(box.x + box.width - 1, grid.width);
      first[2] = token(box.y, grid.height);
      first[3] = token(box.y + box.height - 1, grid.height);
    };
    if (box.kind == posters::BoxKind::kText) {
      answer(scene.texts.at(box.index));
    } else {
      answer(scene.pictograms.at(box.index));
    }
  }
  const auto& ground = scene.background;
  auto answers = std::move(kinds);
  answers.push_back(index_of_colour(source, ground.first));
  answers.push_back(ground.second ? 1 + index_of_colour(source, *ground.second) : 0);
  answers.insert(answers.end(), edges.begin(), edges.end());
  return torch::tensor(answers);
}

}  // namespace glm_image::train
