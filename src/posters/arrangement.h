#pragma once

#include "posters/letter_metrics.h"
#include "posters/scene.h"

namespace glm_image::posters {

/// Lengths in fractions of the shorter side.
inline constexpr double kMargin = 0.05;
inline constexpr double kGap = 0.045;
inline constexpr double kSmallestText = 0.135;
inline constexpr double kLargestText = 0.27;
inline constexpr double kSmallestPictogram = 0.28;
inline constexpr double kLargestPictogram = 0.55;

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

/// One or two lines of text under each other, in ems: where each line's pen starts, from the upper
/// left corner of the ink of all.
struct TextShape {
  struct Line {
    double width;      ///< of the ink
    double left;       ///< from the pen to the ink
    double base_line;  ///< below the upper edge
  };
  std::vector<Line> lines;
  double width = 0, height = 0;
};
TextShape shape_text(const LetterMetrics& metrics,
                     std::size_t face,
                     const std::vector<std::string>& lines);

/// Where an item of this size goes at a place of a picture. Two boxes that are apart in the square
/// of side 1 are apart in every wider or higher picture: stretching moves the one that is further
/// to the right, or lower, at least as far as the other.
Box box_at(Place place, double width, double height, double picture_width, double picture_height);

/// Apart by kGap, or more.
bool are_apart(const Box& a, const Box& b);

}  // namespace glm_image::posters
