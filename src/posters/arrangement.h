#pragma once

#include <array>

#include "posters/letter_metrics.h"
#include "posters/scene.h"

namespace glm_image::posters {

/// Lengths in fractions of the shorter side.
inline constexpr double kMargin = 0.05;
inline constexpr double kGap = 0.045;
/// Of a text's em square, and of a pictogram's longer side. Few, and far enough apart to be told
/// from one another: what a small model draws well it has seen often at the same size. Of
/// pictograms there is one size, so that the same part of one falls on a token wherever it stands.
inline constexpr std::array<double, 3> kTextSizes{0.13, 0.1557, 0.2076};
inline constexpr std::array<double, 1> kPictogramSizes{0.3125};
/// The grid that base lines stand on and lines begin on, as typographers set a page; at 256 pixels
/// its lines are those of the visual tokens, so that these alone tell where each letter stands.
inline constexpr double kGrid = 1.0 / 8;
/// Lines of one text are whole steps of this apart.
inline constexpr double kLineStep = kGrid / 2;
/// What a line of any text is taken to reach above and below its base line, in ems. Were it the
/// ink's own, letters like É and g would move a text by a token's height, and who foresees a poster
/// would have to know the shape of every letter.
inline constexpr double kAscent = 0.8;
inline constexpr double kDescent = 0.2;
/// The nearest line of it.
double on_grid(double position);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

/// One or two lines of text under each other, in ems, whatever their ink: from where the pens start
/// to where they end, and from the first line's ascent to the last one's descent.
struct TextShape {
  struct Line {
    double width;
    double base_line;  ///< below the upper edge
  };
  std::vector<Line> lines;
  double width = 0, height = 0;
};
TextShape shape_text(const LetterMetrics& metrics,
                     std::size_t face,
                     const std::vector<std::string>& lines);

/// The same with each line under the first moved down, so that base lines of letters of this size
/// are whole line steps apart.
TextShape spread_on_grid(TextShape shape, double size);

/// Where an item of this size goes at a place of a picture: on the grid lie its left edge and what
/// is `base_line` below its upper edge. Two boxes that are apart in the
/// square of side 1 do not meet in any wider or higher picture: stretching moves the one that is
/// further to the right, or lower, at least as far as the other, but for a step of the grid.
Box box_at(Place place,
           double width,
           double height,
           double base_line,
           double picture_width,
           double picture_height);

/// Whether the box's centre is in the third of the picture, across and down, that the place names;
/// the thirds reach `reach` of the side beyond their edges.
bool stands_at(Place place, const Box& box, double width, double height, double reach);

/// Apart by kGap, or more.
bool are_apart(const Box& a, const Box& b);

}  // namespace glm_image::posters
