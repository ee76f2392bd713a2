#pragma once

#include <array>
#include <vector>

#include "glm_image/image.h"
#include "reading/lab_colour.h"
#include "reading/pixel_box.h"

namespace glm_image::reading {

/// A picture divided into ink and background. The background may change from top to bottom, and is
/// taken from strips along the left and right edges: pictures with a plain margin, such as posters
/// and signs, are divided well. The division does not depend on the prompt.
class InkPicture {
 public:
  /// Throws kInvalidInput unless check_image accepts the picture and both sides have at least 16
  /// pixels.
  explicit InkPicture(Image image);

  int64_t width() const { return image_.width; }
  int64_t height() const { return image_.height; }
  int64_t shorter_side() const { return std::min(image_.width, image_.height); }
  const Image& image() const { return image_; }

  Rgb pixel(int64_t x, int64_t y) const {
    const auto* at = &image_.pixels[static_cast<std::size_t>(3 * (y * image_.width + x))];
    return {at[0], at[1], at[2]};
  }
  /// The background's colour in a row: the median over nearby rows of the strips along the left and
  /// right edges.
  const Rgb& background(int64_t y) const { return background_[static_cast<std::size_t>(y)]; }
  /// The background's colours at the upper and lower edges, from a line fitted to the rows outside
  /// the margins.
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

/// Connected components of a mask (8-connectivity).
struct Labels {
  std::vector<int32_t> of_pixel;  ///< row-major; 0 for none, else 1 + the index into `boxes`
  std::vector<PixelBox> boxes;
  std::vector<int64_t> areas;
};
Labels label_parts(const std::vector<uint8_t>& mask, int64_t width, int64_t height);

/// The median of each channel.
Rgb median_colour(std::vector<Rgb> colours);

}  // namespace glm_image::reading
