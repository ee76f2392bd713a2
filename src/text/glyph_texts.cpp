#include "text/glyph_texts.h"

#include "text/quote_pairs.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

struct Marks {
  char32_t open;
  char32_t close;
};

constexpr Marks kReferenceMarks[] = {{U'\'', U'\''}, {U'“', U'”'}, {U'"', U'"'}, {U'「', U'」'}};

/// re.findall of `open([^open close]*)close`.
void find_all(std::string_view prompt,
              const std::vector<CodePoint>& points,
              const Marks& marks,
              std::vector<GlyphText>& found) {
  const CodePoint* open = nullptr;
  for (const CodePoint& point : points) {
    if (open != nullptr && point.value == marks.close) {
      found.push_back(
          {std::string(prompt.substr(open->end, point.begin - open->end)), open->begin, point.end});
      open = nullptr;
    } else if (point.value == marks.open) {
      open = &point;
    }
  }
}

std::vector<GlyphText> find_smart(std::string_view prompt, const std::vector<CodePoint>& points) {
  const auto partners = quote_pairs(points);
  std::vector<GlyphText> found;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!partners[i]) continue;
    const std::size_t close = *partners[i];
    std::size_t first = i + 1;
    std::size_t last = close;
    while (first < last && is_white_space(points[first].value)) ++first;
    while (first < last && is_white_space(points[last - 1].value)) --last;
    if (first < last) {
      const std::size_t begin = points[first].begin;
      found.push_back({std::string(prompt.substr(begin, points[last - 1].end - begin)),
                       points[i].begin,
                       points[close].end});
    }
    i = close;
  }
  return found;
}

}  // namespace

std::vector<GlyphText> find_glyph_texts(std::string_view prompt, GlyphRules rules) {
  const auto points = code_points(prompt);
  if (rules == GlyphRules::kSmart) return find_smart(prompt, points);
  std::vector<GlyphText> found;
  for (const Marks& marks : kReferenceMarks) find_all(prompt, points, marks, found);
  return found;
}

std::vector<std::string> glyph_texts(std::string_view prompt, GlyphRules rules) {
  std::vector<std::string> texts;
  for (auto& found : find_glyph_texts(prompt, rules)) texts.push_back(std::move(found.text));
  return texts;
}

}  // namespace glm_image::text
