#include "nano/posters/layout_choice.h"

#include <algorithm>

namespace glm_image::posters {
namespace {

double text_weight(Place place) {
  const auto anchor = anchor_of(place);
  if (anchor.x != 0.5) return 1;
  return anchor.y == 0.5 ? 3 : 5;
}

double pictogram_weight(Place place) {
  const auto anchor = anchor_of(place);
  if (anchor.x == 0.5 && anchor.y == 0.5) return 4;
  return anchor.x == 0.5 || anchor.y == 0.5 ? 2 : 1;
}

/// Calls `action` with every sequence of `count` different places that are not in `taken`.
template <typename Action>
void for_each_list(std::size_t count, const std::vector<Place>& taken, const Action& action) {
  std::vector<Place> list;
  const auto is_free = [&](Place place) {
    return std::find(taken.begin(), taken.end(), place) == taken.end() &&
           std::find(list.begin(), list.end(), place) == list.end();
  };
  const auto extend = [&](const auto& self) -> void {
    if (list.size() == count) return action(list);
    for (int i = 0; i < kPlaceCount; ++i) {
      const auto place = static_cast<Place>(i);
      if (!is_free(place)) continue;
      list.push_back(place);
      self(self);
      list.pop_back();
    }
  };
  extend(extend);
}

}  // namespace

LayoutChoice::LayoutChoice() : pools_(12) {
  for (std::size_t texts = 1; texts <= 2; ++texts) {
    for (std::size_t pictograms = 0; pictograms <= 2; ++pictograms) {
      for_each_list(texts, {}, [&](const std::vector<Place>& text_places) {
        for_each_list(pictograms, text_places, [&](const std::vector<Place>& pictogram_places) {
          double weight = 1;
          for (const Place place : text_places) weight *= text_weight(place);
          for (const Place place : pictogram_places) weight *= pictogram_weight(place);
          for (const auto split : {Split::kTraining, Split::kEvaluation}) {
            if (!layout_belongs(text_places, pictogram_places, split)) continue;
            auto& pool = pools_[pool_index(texts, pictograms, split)];
            pool.choices.push_back({text_places, pictogram_places});
            pool.weights.push_back(weight);
          }
        });
      });
    }
  }
}

PlaceChoice LayoutChoice::pick(RandomStream& random,
                               std::size_t texts,
                               std::size_t pictograms,
                               Split split) const {
  const auto& pool = pools_.at(pool_index(texts, pictograms, split));
  return pool.choices[random.pick_weighted(pool.weights)];
}

}  // namespace glm_image::posters
