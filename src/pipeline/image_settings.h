#pragma once

#include <array>
#include <filesystem>
#include <limits>

#include "core/torch.h"
#include "glm_image/image.h"
#include "text/prompt_recipe.h"

/// From pictures to the tensors that models read, and back.
namespace glm_image::pipeline {

/// The image settings of processor/: `image_processor` of processor_config.json, or
/// preprocessor_config.json. A key that the file leaves out has the default of transformers'
/// GlmImageImageProcessor.
struct ImageSettings {
  int64_t patch_size = 0;
  double shortest_side = 0;  ///< a shorter side is scaled up to this many pixels
  double longest_side = 0;   ///< a longer side is scaled down to this many pixels
  double rescale_factor = 0;
  std::array<double, 3> mean = {}, std = {};

  /// Throws kNotFound, kCorruptFile or kUnsupported.
  static ImageSettings load(const std::filesystem::path& processor_folder);
};

/// Grid of vision tokens of a picture: its sides brought within the limits, halved, and rounded to
/// whole patches. Throws kInvalidInput for a picture more than four times as long as wide.
text::Grid vision_grid(const ImageSettings& settings, int64_t height, int64_t width);

/// The nearest grid that the model can read: one whose pixels have this very grid as their vision
/// grid, so that a picture's tokens and its latents fit together. If it has more than `max_tokens`,
/// it is that of the picture scaled down until it fits, or the smallest that the model can read.
/// Throws as vision_grid.
text::Grid condition_grid(const ImageSettings& settings,
                          int64_t height,
                          int64_t width,
                          int64_t max_tokens = std::numeric_limits<int64_t>::max());

/// A picture brought to the size of a condition grid.
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
