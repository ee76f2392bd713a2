#pragma once

#include <vector>

#include "glm_image/image.h"
#include "glm_image/pipeline.h"

namespace glm_image::train {

/// The sizes that pictures of different shapes are trained at. Pictures of one size form a batch.
class AspectBuckets {
 public:
  /// The widths and heights that are multiples of 32, have at most `size`² pixels and an aspect
  /// ratio of at most 4:1, and of which neither can be longer within that area. `size` is a
  /// multiple of 32.
  explicit AspectBuckets(int64_t size);

  const std::vector<PictureSize>& sizes() const { return sizes_; }

  /// Returns the size with the nearest aspect ratio. A picture that would have to be enlarged by
  /// more than kMaxEnlargement gets the largest multiples of 32 within its own sides instead. The
  /// sides must be at least 32, their ratio at most 4:1.
  PictureSize of(int64_t width, int64_t height) const;

  static constexpr double kMaxEnlargement = 1.05;
  static constexpr int64_t kMaxAspectRatio = 4;

 private:
  std::vector<PictureSize> sizes_;
};

/// A picture scaled until it covers a size, and cropped centrally to it.
struct FittedPicture {
  Image image;
  PictureSize scaled;         ///< before cropping
  int64_t left = 0, top = 0;  ///< of the crop, in pixels of the scaled picture
};

/// The geometry of fit_picture, without the picture.
FittedPicture fit_geometry(const PictureSize& original, const PictureSize& size);

/// Scales with Lanczos' filter. Throws as image::resize_lanczos does.
FittedPicture fit_picture(const Image& picture, const PictureSize& size);

}  // namespace glm_image::train
