#pragma once

#include "posters/arrangement.h"
#include "posters/poster_data.h"
#include "posters/scene.h"

namespace glm_image::posters {

/// Where everything stands in a picture, in fractions of its shorter side; pictograms first.
struct PlacedScene {
  std::vector<Box> pictograms;
  std::vector<Box> texts;
  std::vector<TextShape> shapes;  ///< of the texts, in ems
};
PlacedScene place_scene(const PosterData& data, const Scene& scene, double width, double height);

/// Why a scene does not fit the square of side 1, and with it any picture; empty when it does.
std::string misfit(const PosterData& data, const Scene& scene);

/// Two texts beside pictograms have one line each.
inline bool may_break(std::size_t texts, std::size_t pictograms) {
  return texts < 2 || pictograms == 0;
}

/// Breaks a text so that it can be largest, and makes it as large as the width allows. False where
/// not even the smallest size fits.
bool fit_lines(const PosterData& data, TextItem& item, bool can_break);

/// Makes all pictograms, and then all texts, smaller until the scene fits: sizes follow from what
/// the scene shows and where, so that who reads its caption can foresee them. False where it fits
/// at no size.
bool shrink_to_fit(const PosterData& data, Scene& scene);

}  // namespace glm_image::posters
