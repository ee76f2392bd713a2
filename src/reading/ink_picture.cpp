#include "reading/ink_picture.h"

#include <cmath>

#include "core/error.h"
#include "image/image_limits.h"
#include "image/rgb.h"

namespace glm_image::reading {
namespace {

constexpr int64_t kSmallestSide = 16;
/// Items keep a distance of side/kMarginParts, 5 %, from the edges. The posters of nano's data do
/// (nano/posters); for other pictures it is an assumption. Where it does not hold, the median
/// ignores ink that covers less than half of the strips.
constexpr int64_t kMarginParts = 20;
/// Minimum RGB distance of ink, of at most 441. Noise in decoded pictures is below it; the palest
/// text is above 100.
constexpr double kInkDistance = 40;

std::vector<Rgb> find_background(const InkPicture& picture) {
  const int64_t width = picture.width(), height = picture.height();
  // Strips within the margin, but not at the edge, where decoders have the largest errors.
  const int64_t first = width * 3 / (10 * kMarginParts);
  const int64_t last = std::max(first + 2, width * 9 / (10 * kMarginParts));
  const int64_t rows = std::max<int64_t>(2, height * 2 / 100);
  std::vector<Rgb> background;
  std::vector<Rgb> seen;
  for (int64_t y = 0; y < height; ++y) {
    // As many rows above as below, so that a gradient is not shifted.
    const int64_t reach = std::min({rows, y, height - 1 - y});
    seen.clear();
    for (int64_t row = y - reach; row <= y + reach; ++row) {
      for (int64_t x = first; x < last; ++x) {
        seen.push_back(picture.pixel(x, row));
        seen.push_back(picture.pixel(width - 1 - x, row));
      }
    }
    background.push_back(median_colour(seen));
  }
  return background;
}

}  // namespace

InkPicture::InkPicture(Image image) : image_(std::move(image)) {
  image::check_image(image_);
  if (shorter_side() < kSmallestSide) {
    fail(ErrorCode::kInvalidInput,
         "a picture of ",
         width(),
         "×",
         height(),
         " pixels is too small to be scored: sides must have at least ",
         kSmallestSide);
  }
  background_ = find_background(*this);
  is_ink_.reserve(static_cast<std::size_t>(width() * height()));
  for (int64_t y = 0; y < height(); ++y) {
    for (int64_t x = 0; x < width(); ++x) {
      is_ink_.push_back(image::colour_distance(pixel(x, y), background(y)) > kInkDistance);
    }
  }
}

std::array<Rgb, 2> InkPicture::background_ends() const {
  std::array<Rgb, 2> ends{};
  const int64_t first = height() / kMarginParts, last = height() - first;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    double count = 0, sum_y = 0, sum_yy = 0, sum_v = 0, sum_yv = 0;
    for (int64_t row = first; row < last; ++row) {
      const auto y = static_cast<double>(row);
      const double value = background(row)[channel];
      count += 1;
      sum_y += y;
      sum_yy += y * y;
      sum_v += value;
      sum_yv += y * value;
    }
    const double slope = (count * sum_yv - sum_y * sum_v) / (count * sum_yy - sum_y * sum_y);
    const double start = (sum_v - slope * sum_y) / count;
    for (std::size_t end = 0; end < 2; ++end) {
      const double y = end == 0 ? 0 : static_cast<double>(height() - 1);
      ends[end][channel] =
          static_cast<uint8_t>(std::lround(std::clamp(start + slope * y, 0.0, 255.0)));
    }
  }
  return ends;
}

Labels label_parts(const std::vector<uint8_t>& mask, int64_t width, int64_t height) {
  Labels labels;
  labels.of_pixel.assign(mask.size(), 0);
  std::vector<int64_t> open;
  for (int64_t start = 0; start < width * height; ++start) {
    if (mask[start] == 0 || labels.of_pixel[start] != 0) continue;
    const auto label = static_cast<int32_t>(labels.boxes.size() + 1);
    PixelBox box{width, height, 0, 0};
    int64_t area = 0;
    labels.of_pixel[start] = label;
    open.push_back(start);
    while (!open.empty()) {
      const int64_t at = open.back();
      open.pop_back();
      const int64_t x = at % width, y = at / width;
      ++area;
      box = {std::min(box.left, x),
             std::min(box.top, y),
             std::max(box.right, x + 1),
             std::max(box.bottom, y + 1)};
      for (int64_t v = std::max<int64_t>(0, y - 1); v <= std::min(height - 1, y + 1); ++v) {
        for (int64_t u = std::max<int64_t>(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
          const int64_t next = v * width + u;
          if (mask[next] == 0 || labels.of_pixel[next] != 0) continue;
          labels.of_pixel[next] = label;
          open.push_back(next);
        }
      }
    }
    labels.boxes.push_back(box);
    labels.areas.push_back(area);
  }
  return labels;
}

Rgb median_colour(std::vector<Rgb> colours) {
  GLM_IMAGE_CHECK(!colours.empty(), "no colours");
  Rgb median{};
  std::vector<uint8_t> values(colours.size());
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t i = 0; i < colours.size(); ++i) values[i] = colours[i][channel];
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    median[channel] = *middle;
  }
  return median;
}

}  // namespace glm_image::reading
