#pragma once

#include <array>
#include <filesystem>
#include <limits>
#include <string>

#include "core/torch.h"
#include "glm_image/image.h"
#include "text/prompt_template.h"

/// Conversion between pictures and the models' input and output tensors.
namespace glm_image::pipeline {

/// The image settings of processor/: `image_processor` of processor_config.json, or
/// preprocessor_config.json. A missing key has the default of transformers' GlmImageImageProcessor.
struct ImageSettings {
  int64_t patch_size = 0;
  double shortest_side = 0;  ///< a shorter side is scaled up to this many pixels
  double longest_side = 0;   ///< a longer side is scaled down to this many pixels
  double rescale_factor = 0;
  std::array<double, 3> mean = {}, std = {};

  /// Throws kNotFound, kCorruptFile or kUnsupported.
  static ImageSettings load(const std::filesystem::path& processor_folder);
};

/// Pixels of a condition picture's side for each token of its grid.
inline int64_t token_pixels(const ImageSettings& settings) {
  return 2 * settings.patch_size;
}

/// A picture in messages that do not know which one it is.
inline constexpr const char* kUnnamedPicture = "a condition picture";

/// Returns the vision encoder's grid for a picture: its sides are scaled into the limits, halved,
/// and rounded to whole patches. Throws kInvalidInput for an aspect ratio above 4:1.
text::Grid vision_grid(const ImageSettings& settings, int64_t height, int64_t width);

/// Returns the nearest grid that the model can read: one that vision_grid maps to itself, so that a
/// picture's tokens and latents cover the same area. If it has more than `max_tokens`, the picture
/// is scaled down until its grid fits or is the smallest that the model can read. Throws as
/// vision_grid does; the message begins with `name`.
text::Grid condition_grid(const ImageSettings& settings,
                          int64_t height,
                          int64_t width,
                          int64_t max_tokens = std::numeric_limits<int64_t>::max(),
                          const std::string& name = kUnnamedPicture);

/// A picture resized to its condition grid.
struct ConditionPicture {
  Image image;
  text::Grid grid;
};
ConditionPicture prepare_condition(const ImageSettings& settings,
                                   const Image& image,
                                   const text::Grid& grid);

/// The vision encoder's input, [h·w, 3·P·P] float32: patches row by row, each channel-first.
Tensor vision_patches(const ImageSettings& settings, const ConditionPicture& picture);

/// The VAE's input, [1, 3, H, W] float32 in −1 … 1.
Tensor picture_tensor(const Image& image);

/// [3, H, W] in 0 … 1 → 8 bits, rounded.
Image to_image(const Tensor& picture);

}  // namespace glm_image::pipeline
