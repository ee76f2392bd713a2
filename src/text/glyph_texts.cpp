#include "text/glyph_texts.h"

#include <unicode/uchar.h>

#include "text/prompt_parts.h"
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

/// White space and invisible direction marks.
bool is_blank(char32_t c) {
  return is_white_space(c) || u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_BIDI_CONTROL) ||
         c == U'\u200B' || c == U'\uFEFF';
}

/// The characters [first, last) in NFC, with blanks at both ends removed.
std::string spelled(const std::vector<CodePoint>& points, std::size_t first, std::size_t last) {
  while (first < last && is_blank(points[first].value)) ++first;
  while (first < last && is_blank(points[last - 1].value)) --last;
  std::string text;
  for (std::size_t i = first; i < last; ++i) append_utf8(text, points[i].value);
  return to_nfc(text);
}

/// Finds the outermost quotations. Of doubled marks, as in ""OPEN"", the inner ones are used.
void find_quoted(const std::vector<CodePoint>& points, std::vector<GlyphText>& found) {
  const auto pairs = quote_pairs(points);
  for (std::size_t i = 0; i < pairs.size();) {
    const QuotePair& outer = pairs[i];
    const QuotePair* inner = &outer;
    while (++i < pairs.size() && pairs[i].open.first == inner->open.last + 1 &&
           pairs[i].close.last + 1 == inner->close.first &&
           pairs[i].open.style == inner->open.style) {
      inner = &pairs[i];
    }
    while (i < pairs.size() && pairs[i].open.first < outer.close.last) ++i;
    auto text = spelled(points, inner->open.last + 1, inner->close.first);
    if (text.empty()) continue;
    found.push_back(
        {std::move(text), points[outer.open.first].begin, points[outer.close.last].end});
  }
}

/// A JSON value may be a prompt that is JSON again; deeper levels are read as prose.
constexpr int kMostJsonLevels = 2;

void find_smart(const std::vector<CodePoint>& points, int level, std::vector<GlyphText>& found) {
  for (const PromptPart& part : prompt_parts(points)) {
    const std::size_t before = found.size();
    if (part.kind == PromptPart::Kind::kProse || level == kMostJsonLevels) {
      find_quoted(part.points, found);
    } else {
      find_smart(part.points, level + 1, found);
    }
    if (part.kind != PromptPart::Kind::kTextValue || found.size() > before) continue;
    auto text = spelled(part.points, 0, part.points.size());
    if (!text.empty()) found.push_back({std::move(text), part.begin, part.end});
  }
}

}  // namespace

std::vector<GlyphText> find_glyph_texts(std::string_view prompt, GlyphRules rules) {
  const auto points = code_points(prompt);
  std::vector<GlyphText> found;
  if (rules == GlyphRules::kSmart) {
    find_smart(points, /*level=*/0, found);
    return found;
  }
  for (const Marks& marks : kReferenceMarks) find_all(prompt, points, marks, found);
  return found;
}

std::vector<std::string> glyph_texts(std::string_view prompt, GlyphRules rules) {
  std::vector<std::string> texts;
  for (auto& found : find_glyph_texts(prompt, rules)) texts.push_back(std::move(found.text));
  return texts;
}

}  // namespace glm_image::text
