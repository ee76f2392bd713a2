#pragma once

#include <string>

#include "evaluate/item_regions.h"
#include "posters/poster_source.h"

namespace glm_image::evaluate {

struct PictogramMatch {
  /// The pictogram that the region is most like; empty when it is none, or hardly like any.
  std::string id;
  /// How much of the region's difference from the bare background the pictogram accounts for: 1 for
  /// a faithful drawing, 0 or less for none.
  double explained = 0;
  PixelBox box;  ///< of the region
};

/// Names what a region shows: the nearest of all pictograms, drawn on the picture's own background,
/// at a few sizes and shifts, by the mean squared difference of colours at 32 pixels to the longer
/// side. The bare background is one more candidate. Immutable.
class PictogramMatcher {
 public:
  explicit PictogramMatcher(const posters::PosterSource& source);

  PictogramMatch nearest(const PosterPicture& picture, const ItemRegion& region) const;

 private:
  struct Stamp {
    int64_t width, height;
    std::vector<float> colours;  // three a pixel, premultiplied, 0 to 255
    std::vector<float> covers;   // 0 to 1
  };
  struct Candidate {
    std::string id;
    std::vector<Stamp> sizes;
  };
  class Grid;

  std::vector<Candidate> candidates_;
};

}  // namespace glm_image::evaluate
