#pragma once

#include <string>

#include "evaluate/item_regions.h"
#include "nano/posters/poster_source.h"

namespace glm_image::evaluate {

struct PictogramMatch {
  /// The most similar pictogram; empty if the region is not similar to any.
  std::string id;
  /// Fraction of the region's squared difference from the bare background that the pictogram
  /// explains: 1 for an exact match, 0 or less for no similarity.
  double explained = 0;
  PixelBox box;  ///< of the region
};

/// Identifies the pictogram that a region shows. Candidates are all pictograms, drawn on the
/// picture's background at several sizes and shifts, and the bare background. The distance is the
/// mean squared difference of colours at 32 pixels for the longer side. Immutable.
class PictogramMatcher {
 public:
  explicit PictogramMatcher(const posters::PosterSource& source);

  PictogramMatch nearest(const InkPicture& picture, const ItemRegion& region) const;

 private:
  struct Stamp {
    int64_t width, height;
    std::vector<float> colours;  // three per pixel, premultiplied, 0 to 255
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
