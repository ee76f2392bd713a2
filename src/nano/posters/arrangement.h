#pragma once

#include <array>

#include "nano/posters/letter_metrics.h"
#include "nano/posters/scene.h"

namespace glm_image::posters {

/// Lengths are fractions of the picture's shorter side.
inline constexpr double kMargin = 0.05;
inline constexpr double kGap = 0.045;
/// Sizes of a text's em square and of a pictogram's longer side. They are few and clearly
/// different, so a small model sees each of them often. With one pictogram size, the same part of a
/// pictogram falls on a token wherever the pictogram stands.
inline constexpr std::array<double, 3> kTextSizes{0.13, 0.1557, 0.2076};
inline constexpr std::array<double, 1> kPictogramSizes{0.3125};
/// Grid for base lines and for the left edges of lines. At 256 pixels it coincides with the grid of
/// visual tokens, so the tokens alone determine where each letter stands.
inline constexpr double kGrid = 1.0 / 8;
/// The base lines of one text are multiples of this apart.
inline constexpr double kLineStep = kGrid / 2;
/// Nominal ascent and descent of every line, in ems. Ink boxes would make É or g shift a line by
/// one token; a model could then not predict the layout without knowing glyph shapes.
inline constexpr double kAscent = 0.8;
inline constexpr double kDescent = 0.2;
/// The nearest grid line.
double on_grid(double position);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

/// One or more lines of text, one below the other, in ems. Independent of ink: `width` is the
/// largest advance width; `height` reaches from the first line's ascent to the last line's descent.
struct TextShape {
  struct Line {
    double width;
    double base_line;  ///< distance below the upper edge
  };
  std::vector<Line> lines;
  double width = 0, height = 0;
};
TextShape shape_text(const LetterMetrics& metrics,
                     std::size_t face,
                     const std::vector<std::string>& lines);

/// Moves each line after the first down, so that base lines at this font size are multiples of
/// kLineStep apart.
TextShape spread_on_grid(TextShape shape, double size);

/// The box of an item at a place of a picture. Its left edge, and the line `base_line` below its
/// upper edge, lie on the grid.
///
/// If two boxes are apart in a square of side 1, they do not overlap in any larger picture:
/// stretching moves the right or lower box at least as far as the other. Rounding to the grid may
/// take away one grid step of the distance.
Box box_at(Place place,
           double width,
           double height,
           double base_line,
           double picture_width,
           double picture_height);

/// Whether the box's centre lies in the cell of the place in a 3×3 division of the picture. Each
/// cell is extended by `reach` of the side.
bool stands_at(Place place, const Box& box, double width, double height, double reach);

/// Whether the boxes are at least kGap apart.
bool are_apart(const Box& a, const Box& b);

}  // namespace glm_image::posters
