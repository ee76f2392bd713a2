#include "evaluate/letter_comparison.h"

#include <algorithm>

#include "evaluate/shape_fit.h"
#include "text/unicode.h"

namespace glm_image::evaluate {
namespace {

/// Minimum correlation at which a word counts as found.
constexpr double kAlike = 0.6;
/// Maximum ratio between the widths of a word in the picture and in the font.
constexpr double kStretch = 1.25;
/// For each face, the number of pieces with the right proportions whose boxes are refined.
constexpr std::size_t kRefined = 2;

/// Blurs of the font's sharp shapes that are tried, in their pixels, to match the picture's blur.
constexpr double kBlurs[] = {0.8, 1.6, 2.4};

/// A run of letters of a line.
struct Piece {
  std::size_t line;
  std::size_t first, last;
  std::size_t face;
  PixelBox box;  // in the picture
  double correlation;
};

FittedBox in_map(const PixelBox& box, const InkMap& map) {
  return {static_cast<double>(box.left - map.left),
          static_cast<double>(box.top - map.top),
          static_cast<double>(box.right - map.left),
          static_cast<double>(box.bottom - map.top)};
}

/// The runs of letters with about the word's aspect ratio that are most similar to it.
std::vector<Piece> likely_pieces(const std::vector<TextLine>& lines, const InkMap& shape) {
  const double wanted = static_cast<double>(shape.width) / static_cast<double>(shape.height);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& letters = lines[i].letters;
    const auto& map = lines[i].ink;
    for (std::size_t first = 0; first < letters.size(); ++first) {
      PixelBox box;
      for (std::size_t last = first; last < letters.size(); ++last) {
        box = united(box, letters[last]);
        const double found = static_cast<double>(box.width()) / static_cast<double>(box.height());
        if (found > wanted * kStretch * kStretch) break;
        if (found > wanted * kStretch || found * kStretch < wanted) continue;
        pieces.push_back(
            {i, first, last, /*face=*/0, box, correlation_at(map, in_map(box, map), shape)});
      }
    }
  }
  const auto count = std::min(kRefined, pieces.size());
  std::partial_sort(pieces.begin(),
                    pieces.begin() + static_cast<std::ptrdiff_t>(count),
                    pieces.end(),
                    [](const Piece& a, const Piece& b) { return a.correlation > b.correlation; });
  pieces.resize(count);
  return pieces;
}

/// Boxes in which a rival may be: longer rivals may also extend by one letter on either side.
std::vector<PixelBox> boxes_for(const std::string& rival,
                                const std::string& word,
                                const Piece& piece,
                                const std::vector<PixelBox>& letters) {
  std::vector<PixelBox> boxes{piece.box};
  if (text::code_points(rival).size() <= text::code_points(word).size()) return boxes;
  if (piece.first > 0) boxes.push_back(united(piece.box, letters[piece.first - 1]));
  if (piece.last + 1 < letters.size()) {
    boxes.push_back(united(piece.box, letters[piece.last + 1]));
  }
  return boxes;
}

}  // namespace

std::optional<WordMatch> LetterComparison::find(const std::string& word,
                                                const std::vector<std::string>& rivals,
                                                const std::vector<TextLine>& lines,
                                                double lead) const {
  std::optional<Piece> found;
  double best = kAlike;
  for (std::size_t face = 0; face < shapes_.face_count(); ++face) {
    const auto shape = shapes_.draw(word, face);
    if (shape.ink.empty()) continue;
    for (const auto& piece : likely_pieces(lines, shape)) {
      const auto& map = lines[piece.line].ink;
      const auto fit = best_fit(map, in_map(piece.box, map), shape);
      if (fit.correlation <= best) continue;
      best = fit.correlation;
      found = piece;
      found->face = face;
    }
  }
  if (!found) return std::nullopt;
  const auto& map = lines[found->line].ink;
  const auto shape = shapes_.draw(word, found->face);
  double blur = 0;
  for (const double deviation : kBlurs) {
    const auto fit = best_fit(map, in_map(found->box, map), blurred(shape, deviation));
    if (fit.correlation <= best) continue;
    best = fit.correlation;
    blur = deviation;
  }
  WordMatch match{word, best, found->box, found->line};
  const double to_beat = best + lead;
  for (const auto& rival : rivals) {
    auto other = shapes_.draw(rival, found->face);
    if (other.ink.empty()) continue;
    if (blur > 0) other = blurred(other, blur);
    for (const auto& box : boxes_for(rival, word, *found, lines[found->line].letters)) {
      const auto fit = best_fit(map, in_map(box, map), other);
      if (fit.correlation <= std::max(match.correlation, to_beat)) continue;
      match.correlation = fit.correlation;
      match.nearest = rival;
    }
  }
  return match;
}

}  // namespace glm_image::evaluate
