#include "evaluate/pictogram_matcher.h"

#include <cmath>
#include <limits>

#include "image/resize.h"
#include "nano/posters/poster_data.h"

namespace glm_image::evaluate {
namespace {

/// The longer sides of the region and of pictograms, in pixels of the grid. The ink of a pictogram
/// in a picture may be larger or smaller than its outline, because of halos or pale rims.
constexpr int64_t kSide = 32;
constexpr int64_t kSides[] = {28, 30, 32, 34, 36};
constexpr std::size_t kPlainSize = 2;
constexpr int64_t kMargin = 5;
/// Minimum `explained` at which a pictogram counts as recognised.
constexpr double kRecognised = 0.5;
/// Number of candidates that are compared closely.
constexpr std::size_t kClose = 8;

int64_t scaled(int64_t side, int64_t longer, int64_t longer_wanted) {
  return std::max<int64_t>(1, (2 * side * longer_wanted + longer) / (2 * longer));
}

}  // namespace

/// A region and a margin around it, scaled down to kSide.
class PictogramMatcher::Grid {
 public:
  Grid(const InkPicture& picture, const ItemRegion& region) {
    const int64_t longer = region.box.longer_side();
    const int64_t margin = std::max<int64_t>(1, longer * kMargin / kSide);
    // Pixels outside the picture are background.
    const int64_t left = region.box.left - margin, top = region.box.top - margin;
    Image seen{region.box.width() + 2 * margin, region.box.height() + 2 * margin, {}};
    Image bare{seen.width, seen.height, {}};
    Image foreign{seen.width, seen.height, {}};
    for (int64_t y = top; y < top + seen.height; ++y) {
      const auto& empty = picture.background(std::clamp<int64_t>(y, 0, picture.height() - 1));
      for (int64_t x = left; x < left + seen.width; ++x) {
        const bool is_inside = x >= 0 && y >= 0 && x < picture.width() && y < picture.height();
        const auto rgb = is_inside ? picture.pixel(x, y) : empty;
        const bool is_foreign =
            is_inside && region.is_foreign[static_cast<std::size_t>(y * picture.width() + x)] != 0;
        seen.pixels.insert(seen.pixels.end(), rgb.begin(), rgb.end());
        bare.pixels.insert(bare.pixels.end(), empty.begin(), empty.end());
        foreign.pixels.insert(foreign.pixels.end(), 3, is_foreign ? 255 : 0);
      }
    }
    width_ = scaled(seen.width, longer, kSide);
    height_ = scaled(seen.height, longer, kSide);
    seen_ = small(seen);
    bare_ = small(bare);
    const auto hidden = small(foreign);
    for (std::size_t i = 0; i < hidden.size(); i += 3) weights_.push_back(hidden[i] < 64);
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const float step = seen_[i] - bare_[i];
      bare_error_ += weights_[i / 3] * step * step;
    }
  }

  double bare_error() const { return bare_error_; }

  /// The error of the stamp on the background, with its centre shifted from the grid's.
  double error(const Stamp& stamp, int64_t shift_x, int64_t shift_y) const {
    const int64_t left = (width_ - stamp.width) / 2 + shift_x;
    const int64_t top = (height_ - stamp.height) / 2 + shift_y;
    double error = bare_error_;
    for (int64_t y = std::max<int64_t>(0, -top); y < std::min(stamp.height, height_ - top); ++y) {
      const int64_t row = (y + top) * width_ + left;
      float change = 0;
      for (int64_t x = std::max<int64_t>(0, -left); x < std::min(stamp.width, width_ - left); ++x) {
        const float bare_share = 1 - stamp.covers[static_cast<std::size_t>(y * stamp.width + x)];
        for (int64_t c = 0; c < 3; ++c) {
          const auto at = static_cast<std::size_t>(3 * (row + x) + c);
          const float drawn =
              stamp.colours[static_cast<std::size_t>(3 * (y * stamp.width + x) + c)] +
              bare_share * bare_[at];
          const float now = seen_[at] - drawn, before = seen_[at] - bare_[at];
          change += weights_[at / 3] * (now * now - before * before);
        }
      }
      error += change;
    }
    return error;
  }

  double best_error(const Stamp& stamp, int64_t reach) const {
    double best = std::numeric_limits<double>::max();
    for (int64_t y = -reach; y <= reach; ++y) {
      for (int64_t x = -reach; x <= reach; ++x) best = std::min(best, error(stamp, x, y));
    }
    return best;
  }

 private:
  std::vector<float> small(const Image& image) const {
    const auto resized = image::resize_bicubic(image, width_, height_);
    return {resized.pixels.begin(), resized.pixels.end()};
  }

  int64_t width_ = 0, height_ = 0;
  std::vector<float> seen_, bare_, weights_;
  double bare_error_ = 0;
};

PictogramMatcher::PictogramMatcher(const posters::PosterSource& source) {
  for (const auto& pictogram : source.data().pictograms.all()) {
    Image colours{pictogram.width, pictogram.height, {}};
    Image covers{pictogram.width, pictogram.height, {}};
    for (const uint32_t pixel : pictogram.pixels) {
      for (const int shift : {16, 8, 0}) {
        colours.pixels.push_back(static_cast<uint8_t>(pixel >> shift));
      }
      covers.pixels.insert(covers.pixels.end(), 3, static_cast<uint8_t>(pixel >> 24));
    }
    Candidate candidate{pictogram.id, {}};
    const int64_t longer = std::max(pictogram.width, pictogram.height);
    for (const auto side : kSides) {
      const int64_t width = scaled(pictogram.width, longer, side);
      const int64_t height = scaled(pictogram.height, longer, side);
      const auto small = image::resize_bicubic(colours, width, height);
      const auto cover = image::resize_bicubic(covers, width, height);
      Stamp stamp{width, height, {small.pixels.begin(), small.pixels.end()}, {}};
      for (std::size_t i = 0; i < cover.pixels.size(); i += 3) {
        stamp.covers.push_back(static_cast<float>(cover.pixels[i]) / 255);
      }
      candidate.sizes.push_back(std::move(stamp));
    }
    candidates_.push_back(std::move(candidate));
  }
}

PictogramMatch PictogramMatcher::nearest(const InkPicture& picture,
                                         const ItemRegion& region) const {
  const Grid grid(picture, region);
  PictogramMatch match{{}, 0, region.box};
  if (grid.bare_error() <= 0) return match;
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    order.emplace_back(grid.best_error(candidates_[i].sizes[kPlainSize], /*reach=*/1), i);
  }
  std::sort(order.begin(), order.end());
  double least = grid.bare_error();
  const Candidate* nearest = nullptr;
  for (std::size_t i = 0; i < std::min(kClose, order.size()); ++i) {
    const auto& candidate = candidates_[order[i].second];
    for (const auto& stamp : candidate.sizes) {
      const double error = grid.best_error(stamp, /*reach=*/3);
      if (error >= least) continue;
      least = error;
      nearest = &candidate;
    }
  }
  match.explained = 1 - least / grid.bare_error();
  if (nearest != nullptr && match.explained >= kRecognised) match.id = nearest->id;
  return match;
}

}  // namespace glm_image::evaluate
