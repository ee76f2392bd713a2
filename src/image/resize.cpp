#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "image/image_limits.h"

namespace glm_image::image {
namespace {

/// 8 bits of a pixel, 22 of a weight, and 2 for the overshoot of filters with negative lobes.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr double kPi = 3.14159265358979323846;

struct Filter {
  double (*value)(double distance);
  double support;  ///< the value is 0 beyond this distance
};

/// Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = −0.5.
double cubic(double distance) {
  constexpr double a = -0.5;
  const double x = std::fabs(distance);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double sinc(double x) {
  return x == 0.0 ? 1.0 : std::sin(x * kPi) / (x * kPi);
}

double lanczos(double distance) {
  return distance >= -3.0 && distance < 3.0 ? sinc(distance) * sinc(distance / 3) : 0.0;
}

/// The input pixels that contribute to output pixel i: weights of [begin, begin + count).
struct Window {
  int64_t begin = 0;
  int64_t count = 0;
  std::size_t first_weight = 0;
};

class WeightTable {
 public:
  WeightTable(const Filter& filter, int64_t input_size, int64_t output_size) {
    const double ratio = static_cast<double>(input_size) / static_cast<double>(output_size);
    const double stretch = std::max(ratio, 1.0);
    const double reach = filter.support * stretch;
    std::vector<double> exact;
    for (int64_t i = 0; i < output_size; ++i) {
      const double center = (static_cast<double>(i) + 0.5) * ratio;
      Window window;
      // Pillow's rounding, which truncates towards zero.
      // NOLINTBEGIN(bugprone-incorrect-roundings)
      window.begin = std::max<int64_t>(static_cast<int64_t>(center - reach + 0.5), 0);
      window.count =
          std::min(static_cast<int64_t>(center + reach + 0.5), input_size) - window.begin;
      // NOLINTEND(bugprone-incorrect-roundings)
      window.first_weight = weights_.size();

      exact.clear();
      double sum = 0.0;
      for (int64_t j = window.begin; j < window.begin + window.count; ++j) {
        // Pillow's order of operations: the last digit may affect the rounding.
        const double weight =
            filter.value((static_cast<double>(j) - center + 0.5) * (1.0 / stretch));
        exact.push_back(weight);
        sum += weight;
      }
      for (const double weight : exact) {
        weights_.push_back(static_cast<int32_t>(std::round(weight / sum * (1 << kWeightBits))));
      }
      max_count_ = std::max(max_count_, window.count);
      windows_.push_back(window);
    }
  }

  const Window& window(int64_t i) const { return windows_[static_cast<std::size_t>(i)]; }
  const int32_t* weights(const Window& window) const { return &weights_[window.first_weight]; }
  int64_t max_count() const { return max_count_; }

 private:
  std::vector<Window> windows_;
  std::vector<int32_t> weights_;
  int64_t max_count_ = 0;
};

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void resize_row(const WeightTable& table, const uint8_t* input, int64_t width, uint8_t* output) {
  for (int64_t x = 0; x < width; ++x, output += 3) {
    const auto& window = table.window(x);
    const auto* weights = table.weights(window);
    const auto* pixel = input + window.begin * 3;
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int64_t j = 0; j < window.count; ++j, pixel += 3) {
      red += pixel[0] * weights[j];
      green += pixel[1] * weights[j];
      blue += pixel[2] * weights[j];
    }
    output[0] = to_byte(red);
    output[1] = to_byte(green);
    output[2] = to_byte(blue);
  }
}

/// Input rows after the horizontal pass. A ring buffer holds as many as the largest vertical window
/// has, so that no intermediate picture is needed.
class RowRing {
 public:
  RowRing(const Image& image, const Filter& filter, int64_t width, int64_t rows)
      : image_(image),
        table_(filter, image.width, width),
        row_bytes_(width * 3),
        rows_(rows),
        pixels_(static_cast<std::size_t>(rows * width * 3)) {}

  /// Computes all rows before `end`; the last `rows` of them stay available.
  void fill_to(int64_t end) {
    for (; filled_ < end; ++filled_) {
      const auto* stored = &image_.pixels[static_cast<std::size_t>(filled_ * image_.width * 3)];
      resize_row(table_, stored, row_bytes_ / 3, &pixels_[offset(filled_)]);
    }
  }

  const uint8_t* row(int64_t y) const { return &pixels_[offset(y)]; }

 private:
  std::size_t offset(int64_t y) const { return static_cast<std::size_t>(y % rows_ * row_bytes_); }

  const Image& image_;
  WeightTable table_;
  int64_t row_bytes_, rows_;
  std::vector<uint8_t> pixels_;
  int64_t filled_ = 0;
};

Image resize(const Image& image, int64_t width, int64_t height, const Filter& filter) {
  check_image(image);
  if (width < 1 || height < 1) {
    fail(ErrorCode::kInvalidInput, "a picture cannot be resized to ", width, "×", height);
  }
  if (width == image.width && height == image.height) return image;

  Image output = make_image("the resized picture", width, height);
  const WeightTable table(filter, image.height, height);
  RowRing rows(image, filter, width, table.max_count());
  std::vector<int32_t> sums(static_cast<std::size_t>(width * 3));
  auto* out = output.pixels.data();
  for (int64_t y = 0; y < height; ++y, out += width * 3) {
    const auto& window = table.window(y);
    rows.fill_to(window.begin + window.count);
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int64_t j = 0; j < window.count; ++j) {
      const auto* row = rows.row(window.begin + j);
      const int32_t weight = table.weights(window)[j];
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += row[i] * weight;
    }
    std::transform(sums.begin(), sums.end(), out, to_byte);
  }
  return output;
}

}  // namespace

Image resize_bicubic(const Image& image, int64_t width, int64_t height) {
  return resize(image, width, height, {cubic, 2.0});
}

Image resize_lanczos(const Image& image, int64_t width, int64_t height) {
  return resize(image, width, height, {lanczos, 3.0});
}

}  // namespace glm_image::image
