#pragma once

#include <array>
#include <vector>

#include "evaluate/lab_colour.h"
#include "evaluate/pixel_box.h"
#include "glm_image/image.h"

namespace glm_image::evaluate {

/// A picture taken for a poster: a background that changes from top to bottom at most, and items on
/// it. What is read from it here needs no knowledge of what it should show.
class PosterPicture {
 public:
  /// Throws kInvalidInput unless the picture is whole and has sides of at least 16 pixels.
  explicit PosterPicture(Image image);

  int64_t width() const { return image_.width; }
  int64_t height() const { return image_.height; }
  int64_t shorter_side() const { return std::min(image_.width, image_.height); }
  const Image& image() const { return image_; }

  Rgb pixel(int64_t x, int64_t y) const {
    const auto* at = &image_.pixels[static_cast<std::size_t>(3 * (y * image_.width + x))];
    return {at[0], at[1], at[2]};
  }
  /// The background's colour in a row: the median of the strips along the left and the right edge,
  /// where posters have their margin, over some rows around it.
  const Rgb& background(int64_t y) const { return background_[static_cast<std::size_t>(y)]; }
  /// The background's colours at the upper and the lower edge: of the straight line through those
  /// of the rows between 5 % and 95 % of the height.
  std::array<Rgb, 2> background_ends() const;
  /// Whether a pixel differs clearly from the background.
  bool is_ink(int64_t x, int64_t y) const {
    return is_ink_[static_cast<std::size_t>(y * image_.width + x)] != 0;
  }

 private:
  Image image_;
  std::vector<Rgb> background_;
  std::vector<uint8_t> is_ink_;
};

/// Connected parts of a mask (corners connect).
struct Labels {
  std::vector<int32_t> of_pixel;  ///< row by row; 0 for none, else 1 + the index into `boxes`
  std::vector<PixelBox> boxes;
  std::vector<int64_t> areas;
};
Labels label_parts(const std::vector<uint8_t>& mask, int64_t width, int64_t height);

/// The median of each channel.
Rgb median_colour(std::vector<Rgb> colours);

}  // namespace glm_image::evaluate
