#include "evaluate/shape_fit.h"

#include <cmath>
#include <limits>

namespace glm_image::evaluate {
namespace {

/// Rim in pixels of the shape: narrower than a space, but wide enough to detect an extra letter.
constexpr int64_t kRimAcross = 6;
constexpr int64_t kRimDown = 3;

/// Accumulates the Pearson correlation of two series.
class Correlation {
 public:
  void add(double a, double b) {
    count_ += 1;
    sum_a_ += a;
    sum_b_ += b;
    sum_aa_ += a * a;
    sum_bb_ += b * b;
    sum_ab_ += a * b;
  }
  double value() const {
    const double variances =
        (sum_aa_ - sum_a_ * sum_a_ / count_) * (sum_bb_ - sum_b_ * sum_b_ / count_);
    return variances <= 0 ? 0 : (sum_ab_ - sum_a_ * sum_b_ / count_) / std::sqrt(variances);
  }

 private:
  double count_ = 0, sum_a_ = 0, sum_b_ = 0, sum_aa_ = 0, sum_bb_ = 0, sum_ab_ = 0;
};

/// Samples the map with linear interpolation at points of the shape's rows, placed in the box. The
/// points are at `first` + i·`step`, in pixels of the shape.
class Sampler {
 public:
  Sampler(const InkMap& map,
          const FittedBox& box,
          const InkMap& shape,
          double first,
          double step,
          int64_t count)
      : map_(map),
        top_(box.top),
        row_height_((box.bottom - box.top) / static_cast<double>(shape.height)),
        line_(static_cast<std::size_t>(map.width + 3), 0) {
    const double column_width = (box.right - box.left) / static_cast<double>(shape.width);
    const auto end = static_cast<double>(map.width + 1);
    for (int64_t i = 0; i < count; ++i) {
      const double x = first + static_cast<double>(i) * step;
      // Index in line_, which has a zero before the map's row and two after it.
      const double at = std::clamp(box.left + (x + 0.5) * column_width + 0.5, 0.0, end);
      const auto whole = static_cast<std::size_t>(at);
      points_.push_back({whole, static_cast<float>(at - static_cast<double>(whole))});
    }
  }

  /// The points of a row of the shape.
  const std::vector<float>& row(int64_t y) {
    const double at = top_ + (static_cast<double>(y) + 0.5) * row_height_ - 0.5;
    const auto upper = static_cast<int64_t>(std::floor(at));
    const auto share = static_cast<float>(at - std::floor(at));
    for (int64_t x = 0; x < map_.width; ++x) {
      line_[static_cast<std::size_t>(x + 1)] =
          map_.at(x, upper) * (1 - share) + map_.at(x, upper + 1) * share;
    }
    values_.clear();
    for (const auto& point : points_) {
      values_.push_back(line_[point.whole] * (1 - point.share) +
                        line_[point.whole + 1] * point.share);
    }
    return values_;
  }

 private:
  struct Point {
    std::size_t whole;
    float share;
  };
  const InkMap& map_;
  double top_, row_height_;
  std::vector<Point> points_;
  std::vector<float> line_, values_;
};

/// Finds the column shifts with the least squared difference by dynamic programming.
class ColumnShifts {
 public:
  ColumnShifts(const InkMap& map, const FittedBox& box, const InkMap& shape)
      : rows_(shape.height + 2 * kRimDown), columns_(shape.width + 2 * kRimAcross) {
    const int64_t points = 2 * columns_ - 1 + 2 * kReach;
    Sampler sampler(map, box, shape, -kRimAcross - kReach / 2.0, /*step=*/0.5, points);
    seen_.resize(static_cast<std::size_t>(points * rows_));
    for (int64_t y = 0; y < rows_; ++y) {
      const auto& row = sampler.row(y - kRimDown);
      for (int64_t i = 0; i < points; ++i) {
        seen_[static_cast<std::size_t>(i * rows_ + y)] = row[static_cast<std::size_t>(i)];
      }
    }
    for (int64_t x = -kRimAcross; x < shape.width + kRimAcross; ++x) {
      for (int64_t y = -kRimDown; y < shape.height + kRimDown; ++y)
        shape_.push_back(shape.at(x, y));
    }
  }

  double correlation() const {
    const auto shifts = best_path();
    Correlation sums;
    for (int64_t x = 0; x < columns_; ++x) {
      const float* seen = column_seen(x, shifts[static_cast<std::size_t>(x)]);
      const float* wanted = column_wanted(x);
      for (int64_t y = 0; y < rows_; ++y) sums.add(seen[y], wanted[y]);
    }
    return sums.value();
  }

 private:
  /// Maximum shift, in half pixels.
  static constexpr int64_t kReach = 4;
  static constexpr int64_t kShifts = 2 * kReach + 1;
  /// Cost of a change of half a pixel from one column to the next, in squared ink.
  static constexpr float kPrice = 0.3F;

  const float* column_seen(int64_t x, int64_t shift) const {
    return &seen_[static_cast<std::size_t>((2 * x + shift) * rows_)];  // shift 0 … kShifts − 1
  }
  const float* column_wanted(int64_t x) const {
    return &shape_[static_cast<std::size_t>(x * rows_)];
  }

  float difference(int64_t x, int64_t shift) const {
    const float* seen = column_seen(x, shift);
    const float* wanted = column_wanted(x);
    float sum = 0;
    for (int64_t y = 0; y < rows_; ++y) sum += (seen[y] - wanted[y]) * (seen[y] - wanted[y]);
    return sum;
  }

  std::vector<int64_t> best_path() const {
    std::vector<float> total(kShifts, 0), next(kShifts);
    std::vector<int64_t> from(static_cast<std::size_t>(columns_ * kShifts));
    for (int64_t x = 0; x < columns_; ++x) {
      for (int64_t shift = 0; shift < kShifts; ++shift) {
        float least = std::numeric_limits<float>::max();
        int64_t before = shift;
        for (int64_t other = std::max<int64_t>(0, shift - 1);
             other <= std::min(kShifts - 1, shift + 1);
             ++other) {
          const float value =
              total[static_cast<std::size_t>(other)] + (other == shift ? 0 : kPrice);
          if (value >= least) continue;
          least = value;
          before = other;
        }
        next[static_cast<std::size_t>(shift)] = least + difference(x, shift);
        from[static_cast<std::size_t>(x * kShifts + shift)] = before;
      }
      total.swap(next);
    }
    std::vector<int64_t> path(static_cast<std::size_t>(columns_));
    int64_t shift = std::min_element(total.begin(), total.end()) - total.begin();
    for (int64_t x = columns_ - 1; x >= 0; --x) {
      path[static_cast<std::size_t>(x)] = shift;
      shift = from[static_cast<std::size_t>(x * kShifts + shift)];
    }
    return path;
  }

  int64_t rows_, columns_;
  std::vector<float> seen_, shape_;  // column-major; seen_ has two columns per pixel
};

}  // namespace

double correlation_at(const InkMap& map, const FittedBox& box, const InkMap& shape) {
  const int64_t columns = shape.width + 2 * kRimAcross;
  Sampler sampler(map, box, shape, -kRimAcross, /*step=*/1, columns);
  Correlation sums;
  for (int64_t y = -kRimDown; y < shape.height + kRimDown; ++y) {
    const auto& row = sampler.row(y);
    for (int64_t x = 0; x < columns; ++x) {
      sums.add(row[static_cast<std::size_t>(x)], shape.at(x - kRimAcross, y));
    }
  }
  return sums.value();
}

ShapeFit best_fit(const InkMap& map, const FittedBox& start, const InkMap& shape) {
  constexpr int kRounds = 6;
  ShapeFit best{start, correlation_at(map, start, shape)};
  double step = 1;
  for (int round = 0; round < kRounds; ++round) {
    const double before = best.correlation;
    for (double FittedBox::*edge :
         {&FittedBox::left, &FittedBox::right, &FittedBox::top, &FittedBox::bottom}) {
      for (const double move : {-step, step}) {
        auto box = best.box;
        box.*edge += move;
        if (box.right - box.left < 2 || box.bottom - box.top < 2) continue;
        const double value = correlation_at(map, box, shape);
        if (value > best.correlation) best = {box, value};
      }
    }
    if (best.correlation > before) continue;
    if (step < 1) break;
    step = 0.5;
  }
  best.correlation = ColumnShifts(map, best.box, shape).correlation();
  return best;
}

InkMap blurred(const InkMap& shape, double deviation) {
  const auto reach = static_cast<int64_t>(std::ceil(3 * deviation));
  std::vector<float> weights;
  float sum = 0;
  for (int64_t i = -reach; i <= reach; ++i) {
    const auto distance = static_cast<double>(i) / deviation;
    weights.push_back(static_cast<float>(std::exp(-distance * distance / 2)));
    sum += weights.back();
  }
  auto across = shape;
  auto both = shape;
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      float value = 0;
      for (int64_t i = -reach; i <= reach; ++i) {
        value += weights[static_cast<std::size_t>(i + reach)] * shape.at(x + i, y);
      }
      across.ink[static_cast<std::size_t>(y * shape.width + x)] = value / sum;
    }
  }
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      float value = 0;
      for (int64_t i = -reach; i <= reach; ++i) {
        value += weights[static_cast<std::size_t>(i + reach)] * across.at(x, y + i);
      }
      both.ink[static_cast<std::size_t>(y * shape.width + x)] = value / sum;
    }
  }
  return both;
}

}  // namespace glm_image::evaluate
