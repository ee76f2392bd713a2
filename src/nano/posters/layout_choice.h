#pragma once

#include "core/random_stream.h"
#include "nano/posters/split.h"

namespace glm_image::posters {

struct PlaceChoice {
  std::vector<Place> texts, pictograms;
};

/// All assignments of different places to one or two texts and up to two pictograms, per split.
/// Texts are more likely to stand at the top, in the centre or at the bottom than at the sides.
class LayoutChoice {
 public:
  LayoutChoice();
  PlaceChoice pick(RandomStream& random, std::size_t texts, std::size_t pictograms, Split) const;

 private:
  struct Pool {
    std::vector<PlaceChoice> choices;
    std::vector<double> weights;
  };
  static std::size_t pool_index(std::size_t texts, std::size_t pictograms, Split split) {
    return ((texts - 1) * 3 + pictograms) * 2 + (split == Split::kEvaluation ? 1 : 0);
  }
  std::vector<Pool> pools_;
};

}  // namespace glm_image::posters
