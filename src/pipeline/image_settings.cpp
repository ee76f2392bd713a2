#include "pipeline/image_settings.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "image/resize.h"
#include "io/json_file.h"

namespace glm_image::pipeline {
namespace {

constexpr double kMaxAspectRatio = 4;

std::array<double, 3> three_numbers(const io::JsonFields& fields,
                                    const char* name,
                                    const std::array<double, 3>& fallback) {
  if (!fields.has(name)) return fallback;
  const auto values = fields.required_double_list(name);
  if (values.size() != 3) fields.refuse(name, "a list of three numbers");
  return {values[0], values[1], values[2]};
}

io::JsonFields settings_file(const std::filesystem::path& folder) {
  const auto joint = folder / "processor_config.json";
  std::error_code error;
  if (std::filesystem::exists(joint, error)) {
    const auto fields = io::JsonFields::load(joint);
    if (auto image_processor = fields.optional_object("image_processor")) return *image_processor;
  }
  return io::JsonFields::load(folder / "preprocessor_config.json");
}

/// 8-bit RGB → [3, H, W] float32 in 0 … 255.
Tensor channel_first(const Image& image) {
  return torch::from_blob(
             const_cast<uint8_t*>(image.pixels.data()), {image.height, image.width, 3}, at::kByte)
      .permute({2, 0, 1})
      .to(at::kFloat);
}

}  // namespace

ImageSettings ImageSettings::load(const std::filesystem::path& processor_folder) {
  const auto fields = settings_file(processor_folder);
  ImageSettings settings;
  settings.patch_size = fields.optional_int64("patch_size", 14, 1, 256);
  for (const char* name : {"merge_size", "temporal_patch_size"}) {
    if (fields.optional_int64(name, 2, 1, 64) != 1) {
      fields.refuse(name, "1", ErrorCode::kUnsupported);
    }
  }
  fields.supports_only("resample", 3);  // bicubic
  for (const char* step : {"do_resize", "do_rescale", "do_normalize"})
    fields.supports_only(step, true);
  // Limits the placeholders of a picture, which enter the prompt before their number is checked.
  constexpr int64_t kMaxPixels = int64_t{1} << 28;
  // The older name overrides the newer one if a file has both, as in transformers.
  const auto size = fields.object_or_empty("size");
  const auto side = [&](const char* name, const char* old_name, int64_t fallback) {
    const auto pixels = fields.optional_int64(
        old_name, size.optional_int64(name, fallback, 1, kMaxPixels), 1, kMaxPixels);
    return std::nearbyint(std::sqrt(static_cast<double>(pixels)));
  };
  settings.shortest_side = side("shortest_edge", "min_pixels", 56 * 56);
  settings.longest_side = side("longest_edge", "max_pixels", 28 * 28 * 1280);
  if (settings.longest_side < settings.shortest_side) {
    const char* const name = fields.has("max_pixels") ? "max_pixels" : "size.longest_edge";
    fields.refuse(name, "at least the smallest number of pixels");
  }
  settings.rescale_factor = fields.optional_double("rescale_factor", 1.0 / 255.0);
  settings.mean = three_numbers(fields, "image_mean", {0.48145466, 0.4578275, 0.40821073});
  settings.std = three_numbers(fields, "image_std", {0.26862954, 0.26130258, 0.27577711});
  for (const double value : settings.std) {
    if (!(value > 0)) fields.refuse("image_std", "three positive numbers");
  }
  return settings;
}

namespace {

void check_aspect_ratio(int64_t height, int64_t width, const std::string& name) {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  if (std::max(h, w) / std::min(h, w) > kMaxAspectRatio) {
    fail_at(ErrorCode::kInvalidInput,
            {name, "condition_images"},
            ": has ",
            width,
            "×",
            height,
            " pixels; the longer side may be at most ",
            kMaxAspectRatio,
            " times the shorter one; crop it first");
  }
}

text::Grid grid_within(const ImageSettings& settings, int64_t height, int64_t width) {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  double scale = 1.0;
  if (std::min(h, w) < settings.shortest_side) scale = settings.shortest_side / std::min(h, w);
  if (std::max(h, w) * scale > settings.longest_side) {
    scale = settings.longest_side / std::max(h, w);
  }
  const auto patch = static_cast<double>(settings.patch_size);
  // Like the reference, use integer division by 2 and round half to even.
  const auto patches = [&](int64_t side) {
    const int64_t half = side / 2;
    return std::max(1.0, std::nearbyint(static_cast<double>(half) * scale / patch));
  };
  double rows = patches(height), columns = patches(width);
  const double longest = std::max(rows, columns) * patch;
  if (longest > settings.longest_side) {
    const double shrink = longest / settings.longest_side;
    rows = std::max(1.0, std::floor(rows / shrink));
    columns = std::max(1.0, std::floor(columns / shrink));
  }
  return {static_cast<int64_t>(rows), static_cast<int64_t>(columns)};
}

/// Clips a grid to the maximum aspect ratio, which rounding may exceed.
text::Grid within_aspect_ratio(const text::Grid& grid) {
  const auto longest = static_cast<int64_t>(kMaxAspectRatio) * std::min(grid.height, grid.width);
  return {std::min(grid.height, longest), std::min(grid.width, longest)};
}

/// The grid nearest to a picture of this size that vision_grid maps to itself, or std::nullopt.
std::optional<text::Grid> settled_grid(const ImageSettings& settings,
                                       int64_t height,
                                       int64_t width) {
  const int64_t side = token_pixels(settings);
  auto grid = within_aspect_ratio(grid_within(settings, height, width));
  // Rounding may leave a side below the minimum, which would be scaled up again: iterate.
  constexpr int kMaxRounds = 16;
  for (int round = 0; round < kMaxRounds; ++round) {
    const auto next =
        within_aspect_ratio(grid_within(settings, grid.height * side, grid.width * side));
    if (next == grid) return grid;
    grid = next;
  }
  return std::nullopt;
}

}  // namespace

text::Grid vision_grid(const ImageSettings& settings, int64_t height, int64_t width) {
  check_aspect_ratio(height, width, kUnnamedPicture);
  return grid_within(settings, height, width);
}

text::Grid condition_grid(const ImageSettings& settings,
                          int64_t height,
                          int64_t width,
                          int64_t max_tokens,
                          const std::string& name) {
  check_aspect_ratio(height, width, name);
  // Fixed scales, so that the grid's size as `max_tokens` gives the same grid again.
  constexpr double kStep = 0.98;
  std::optional<text::Grid> smallest;
  for (double scale = 1;; scale *= kStep) {
    const auto side = [&](int64_t length) {
      return std::max<int64_t>(1, std::llround(static_cast<double>(length) * scale));
    };
    const auto grid = settled_grid(settings, side(height), side(width));
    if (grid && (!smallest || grid->size() < smallest->size())) smallest = grid;
    if (!smallest) break;
    // A smaller picture would only be scaled up again.
    const auto shortest = static_cast<double>(std::min(side(height), side(width)));
    const bool at_end = shortest <= std::max(1.0, settings.shortest_side * kStep);
    if (smallest->size() <= max_tokens || at_end) return *smallest;
  }
  fail_at(ErrorCode::kInvalidInput,
          {name, "condition_images"},
          ": has ",
          width,
          "×",
          height,
          " pixels; the model's image settings allow no size for it");
}

ConditionPicture prepare_condition(const ImageSettings& settings,
                                   const Image& image,
                                   const text::Grid& grid) {
  const int64_t side = token_pixels(settings);
  return {image::resize_lanczos(image, grid.width * side, grid.height * side), grid};
}

Tensor vision_patches(const ImageSettings& settings, const ConditionPicture& picture) {
  const int64_t patch = settings.patch_size;
  const auto& grid = picture.grid;
  const auto resized =
      image::resize_bicubic(picture.image, grid.width * patch, grid.height * patch);
  const auto as_column = [](const std::array<double, 3>& values) {
    return torch::tensor({values[0], values[1], values[2]}, at::kDouble)
        .to(at::kFloat)
        .view({3, 1, 1});
  };
  const auto pixels =
      (channel_first(resized) * settings.rescale_factor - as_column(settings.mean)) /
      as_column(settings.std);
  return pixels.view({3, grid.height, patch, grid.width, patch})
      .permute({1, 3, 0, 2, 4})
      .reshape({grid.height * grid.width, 3 * patch * patch});
}

Tensor picture_tensor(const Image& image) {
  return (channel_first(image) / 255.0 * 2.0 - 1.0).unsqueeze(0);
}

Image to_image(const Tensor& picture) {
  const auto bytes = (picture.to(at::kCPU, at::kFloat) * 255.0)
                         .round()
                         .clamp(0, 255)
                         .to(at::kByte)
                         .permute({1, 2, 0})
                         .contiguous();
  Image image;
  image.height = bytes.size(0);
  image.width = bytes.size(1);
  const auto* data = bytes.data_ptr<uint8_t>();
  image.pixels.assign(data, data + bytes.numel());
  return image;
}

}  // namespace glm_image::pipeline
