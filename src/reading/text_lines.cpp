#include "reading/text_lines.h"

#include <numeric>

#include "image/rgb.h"

namespace glm_image::reading {
namespace {

constexpr int64_t kMargin = 6;
/// Maximum number of parts of a picture, because the search compares all pairs.
constexpr std::size_t kMaxParts = 600;

struct Part {
  int32_t label;
  PixelBox box;
  int64_t area;
  Lab colour;
};

/// Ink pixels with their distances from the background.
using InkPixels = std::vector<std::pair<double, Rgb>>;

void add_ink(const InkPicture& picture, const Labels& labels, int32_t label, InkPixels& pixels) {
  const auto& box = labels.boxes[static_cast<std::size_t>(label - 1)];
  for (int64_t y = box.top; y < box.bottom; ++y) {
    for (int64_t x = box.left; x < box.right; ++x) {
      if (labels.of_pixel[y * picture.width() + x] != label) continue;
      const auto rgb = picture.pixel(x, y);
      pixels.emplace_back(image::colour_distance(rgb, picture.background(y)), rgb);
    }
  }
}

/// The median colour of the fraction `share` of the pixels that are furthest from the background.
/// The other pixels are mixtures with the background: antialiased edges, and much of thin strokes
/// in a blurred picture.
Rgb core_colour(InkPixels pixels, double share) {
  const auto core = std::max<std::size_t>(
      1, static_cast<std::size_t>(share * static_cast<double>(pixels.size())));
  std::nth_element(pixels.begin(),
                   pixels.begin() + static_cast<std::ptrdiff_t>(core - 1),
                   pixels.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Rgb> colours;
  for (std::size_t i = 0; i < core; ++i) colours.push_back(pixels[i].second);
  return median_colour(std::move(colours));
}

Rgb colour_of_part(const InkPicture& picture, const Labels& labels, int32_t label) {
  InkPixels pixels;
  add_ink(picture, labels, label, pixels);
  return core_colour(std::move(pixels), /*share=*/0.3);
}

Rgb colour_of_line(const InkPicture& picture,
                   const Labels& labels,
                   const std::vector<Part>& parts) {
  InkPixels pixels;
  for (const auto& part : parts) add_ink(picture, labels, part.label, pixels);
  return core_colour(std::move(pixels), /*share=*/0.1);
}

/// Parts that may be letters or pieces of letters.
std::vector<Part> find_parts(const InkPicture& picture,
                             const Labels& labels,
                             const std::vector<PixelBox>& taken) {
  constexpr int64_t kSmallestArea = 4;
  const int64_t highest = picture.shorter_side() * 3 / 10;
  std::vector<Part> parts;
  for (std::size_t i = 0; i < labels.boxes.size(); ++i) {
    const auto& box = labels.boxes[i];
    const bool is_taken = std::any_of(
        taken.begin(), taken.end(), [&](const PixelBox& of) { return centre_is_inside(box, of); });
    if (is_taken || labels.areas[i] < kSmallestArea || box.height() > highest) continue;
    parts.push_back({static_cast<int32_t>(i + 1), box, labels.areas[i], {}});
  }
  if (parts.size() > kMaxParts) {
    std::stable_sort(
        parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.area > b.area; });
    parts.resize(kMaxParts);
  }
  for (auto& part : parts) {
    part.colour = lab_of(colour_of_part(picture, labels, part.label));
  }
  return parts;
}

int64_t gap(int64_t low1, int64_t high1, int64_t low2, int64_t high2) {
  return std::max(low1, low2) - std::min(high1, high2);
}
int64_t gap_across(const PixelBox& a, const PixelBox& b) {
  return gap(a.left, a.right, b.left, b.right);
}
int64_t gap_down(const PixelBox& a, const PixelBox& b) {
  return gap(a.top, a.bottom, b.top, b.bottom);
}

bool have_one_colour(const Part& a, const Part& b) {
  constexpr double kClose = 20;
  return colour_difference(a.colour, b.colour) < kClose;
}

/// Whether two parts are neighbours on one baseline; a space is about half of a capital's height.
bool are_side_by_side(const Part& a, const Part& b) {
  const auto higher = static_cast<double>(std::max(a.box.height(), b.box.height()));
  const auto lower = static_cast<double>(std::min(a.box.height(), b.box.height()));
  return static_cast<double>(-gap_down(a.box, b.box)) > 0.25 * lower &&
         static_cast<double>(gap_across(a.box, b.box)) < 0.9 * higher && have_one_colour(a, b);
}

/// Whether it may be an accent or a dot of the letter.
bool is_accent_of(const Part& small, const Part& letter) {
  return 2 * letter.box.height() >= 3 * small.box.height();
}

/// The letter that an accent or a dot belongs to: the nearest one above or below it, because an
/// accent of the second line is also close to letters of the first. A comma has a letter at its
/// side and is no accent, although it is close to letters of the second line.
int64_t letter_of_accent(const std::vector<Part>& parts, std::size_t accent) {
  const auto& small = parts[accent];
  int64_t nearest = -1;
  int64_t distance = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& letter = parts[i];
    if (i == accent || !is_accent_of(small, letter)) continue;
    if (are_side_by_side(small, letter)) return -1;
    const int64_t down = gap_down(letter.box, small.box);
    if (gap_across(letter.box, small.box) > 0 || 5 * down > 2 * letter.box.height() ||
        !have_one_colour(letter, small)) {
      continue;
    }
    if (nearest < 0 || down < distance) {
      nearest = static_cast<int64_t>(i);
      distance = down;
    }
  }
  return nearest;
}

class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t of(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) { parent_[of(a)] = of(b); }

 private:
  std::vector<std::size_t> parent_;
};

std::vector<std::vector<Part>> group_parts(const std::vector<Part>& parts) {
  Groups groups(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (are_side_by_side(parts[i], parts[j])) groups.join(i, j);
    }
    const auto letter = letter_of_accent(parts, i);
    if (letter >= 0) groups.join(i, static_cast<std::size_t>(letter));
  }
  std::vector<std::vector<Part>> lines(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) lines[groups.of(i)].push_back(parts[i]);
  lines.erase(
      std::remove_if(lines.begin(), lines.end(), [](const auto& line) { return line.empty(); }),
      lines.end());
  return lines;
}

/// The ink's share in a pixel's mixture of background and ink.
float ink_share(const Rgb& pixel, const Rgb& background, const Rgb& ink) {
  float along = 0, whole = 0;
  for (int i = 0; i < 3; ++i) {
    const float way = static_cast<float>(ink[i]) - background[i];
    along += (static_cast<float>(pixel[i]) - background[i]) * way;
    whole += way * way;
  }
  return whole < 1 ? 0 : std::clamp(along / whole, 0.0F, 1.0F);
}

InkMap ink_of_line(const InkPicture& picture,
                   const Labels& labels,
                   const std::vector<Part>& parts,
                   const PixelBox& box,
                   const Rgb& colour) {
  std::vector<bool> is_own(labels.boxes.size() + 1, false);
  is_own[0] = true;  // faint ink: antialiased edges
  for (const auto& part : parts) is_own[static_cast<std::size_t>(part.label)] = true;
  const auto area = enlarged(box, kMargin, picture.width(), picture.height());
  InkMap map{area.left, area.top, area.width(), area.height(), {}};
  map.ink.reserve(static_cast<std::size_t>(map.width * map.height));
  for (int64_t y = area.top; y < area.bottom; ++y) {
    for (int64_t x = area.left; x < area.right; ++x) {
      const auto label = static_cast<std::size_t>(labels.of_pixel[y * picture.width() + x]);
      map.ink.push_back(
          is_own[label] ? ink_share(picture.pixel(x, y), picture.background(y), colour) : 0.0F);
    }
  }
  return map;
}

std::vector<PixelBox> letters_of(const std::vector<Part>& parts) {
  std::vector<PixelBox> boxes;
  boxes.reserve(parts.size());
  for (const auto& part : parts) boxes.push_back(part.box);
  std::sort(boxes.begin(), boxes.end(), [](const PixelBox& a, const PixelBox& b) {
    return a.left < b.left;
  });
  std::vector<PixelBox> letters;
  for (const auto& box : boxes) {
    if (!letters.empty() && box.left < letters.back().right) {
      letters.back() = united(letters.back(), box);
    } else {
      letters.push_back(box);
    }
  }
  return letters;
}

}  // namespace

std::vector<TextLine> find_text_lines(const InkPicture& picture,
                                      const std::vector<PixelBox>& taken) {
  const int64_t lowest = picture.shorter_side() * 3 / 100;
  std::vector<uint8_t> mask(static_cast<std::size_t>(picture.width() * picture.height()));
  for (int64_t y = 0; y < picture.height(); ++y) {
    for (int64_t x = 0; x < picture.width(); ++x) {
      mask[static_cast<std::size_t>(y * picture.width() + x)] = picture.is_ink(x, y);
    }
  }
  const auto labels = label_parts(mask, picture.width(), picture.height());
  std::vector<TextLine> lines;
  for (const auto& parts : group_parts(find_parts(picture, labels, taken))) {
    TextLine line;
    for (const auto& part : parts) line.box = united(line.box, part.box);
    if (line.box.height() < lowest) continue;
    line.colour = colour_of_line(picture, labels, parts);
    line.letters = letters_of(parts);
    line.ink = ink_of_line(picture, labels, parts, line.box, line.colour);
    lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(), [](const TextLine& a, const TextLine& b) {
    return a.box.top < b.box.top;
  });
  return lines;
}

}  // namespace glm_image::reading
