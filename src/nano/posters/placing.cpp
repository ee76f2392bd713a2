#include "nano/posters/placing.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::posters {
namespace {

/// Reserves half a grid step, since lines start on the grid and may be shifted from the centre.
constexpr double kMaxWidth = 1 - 2 * kMargin - kGrid / 2;
/// A wide text at the left may have its centre this far outside the left third. Farther right it
/// would appear to stand in the middle.
constexpr double kReach = 0.04;
/// Reserve for kerning, which the metrics ignore and which may widen a line.
constexpr double kWidthReserve = 1.02;

/// Returns the next smaller size; the smallest size is returned unchanged.
template <typename Sizes>
double next_smaller(const Sizes& sizes, double size) {
  for (auto smaller = sizes.rbegin(); smaller != sizes.rend(); ++smaller) {
    if (*smaller < size) return *smaller;
  }
  return size;
}

/// No break next to a digit ("13 h 55"), and no line shorter than three bytes.
bool is_good_break(const std::string& text, std::size_t space) {
  constexpr std::size_t kShortestLine = 3;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return space >= kShortestLine && text.size() - space > kShortestLine &&
         !is_digit(text[space - 1]) && !is_digit(text[space + 1]);
}

/// The text on one line, and all ways to break it once at a space.
std::vector<std::vector<std::string>> breaks_of(const std::string& text, bool can_break) {
  std::vector<std::vector<std::string>> breaks{{text}};
  if (!can_break) return breaks;
  for (auto at = text.find(' '); at != std::string::npos; at = text.find(' ', at + 1)) {
    if (is_good_break(text, at)) breaks.push_back({text.substr(0, at), text.substr(at + 1)});
  }
  return breaks;
}

}  // namespace

PlacedScene place_scene(const PosterData& data, const Scene& scene, double width, double height) {
  PlacedScene placed;
  for (const auto& item : scene.pictograms) {
    const auto& pictogram = data.pictograms.named(item.id);
    placed.pictograms.push_back(box_at(item.place,
                                       pictogram.relative_width() * item.size,
                                       pictogram.relative_height() * item.size,
                                       /*base_line=*/0,
                                       width,
                                       height));
  }
  for (const auto& item : scene.texts) {
    const auto face = data.lettering.face_of(item.style, item.font);
    auto shape = spread_on_grid(shape_text(data.metrics, face, item.lines), item.size);
    placed.texts.push_back(box_at(item.place,
                                  shape.width * item.size,
                                  shape.height * item.size,
                                  shape.lines.at(0).base_line * item.size,
                                  width,
                                  height));
    placed.shapes.push_back(std::move(shape));
  }
  return placed;
}

std::string misfit(const PosterData& data, const Scene& scene) {
  const auto placed = place_scene(data, scene, 1, 1);
  std::vector<Box> boxes = placed.pictograms;
  for (std::size_t i = 0; i < placed.texts.size(); ++i) {
    const auto& box = placed.texts[i];
    if (box.width * kWidthReserve > kMaxWidth || box.height > kMaxWidth ||
        !stands_at(scene.texts[i].place, box, 1, 1, kReach)) {
      return concat("the text ", scene.texts[i].text, " is too large for its place");
    }
    boxes.push_back(box);
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!are_apart(boxes[i], boxes[j])) return "two items of the scene stand too close";
    }
  }
  return {};
}

bool fit_lines(const PosterData& data, TextItem& item, bool can_break) {
  const auto face = data.lettering.face_of(item.style, item.font);
  double largest = 0;
  for (auto& lines : breaks_of(item.text, can_break)) {
    const auto shape = shape_text(data.metrics, face, lines);
    const double fitting = kMaxWidth / (shape.width * kWidthReserve);
    if (fitting > largest * 1.05) {
      largest = fitting;
      item.lines = std::move(lines);
    }
  }
  if (largest < kTextSizes.front()) return false;
  const auto fitting = std::upper_bound(kTextSizes.begin(), kTextSizes.end(), largest);
  item.size = *std::prev(fitting);
  return true;
}

bool shrink_to_fit(const PosterData& data, Scene& scene) {
  const auto shrink = [](auto& items, const auto& sizes) {
    bool has_shrunk = false;
    for (auto& item : items) {
      const double smaller = next_smaller(sizes, item.size);
      has_shrunk |= smaller < item.size;
      item.size = smaller;
    }
    return has_shrunk;
  };
  while (!misfit(data, scene).empty()) {
    if (!shrink(scene.pictograms, kPictogramSizes) && !shrink(scene.texts, kTextSizes)) {
      return false;
    }
  }
  return true;
}

}  // namespace glm_image::posters
