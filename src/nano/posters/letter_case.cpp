#include "nano/posters/letter_case.h"

#include <algorithm>

#include "text/letter_case.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

std::string title_case(const std::string& text) {
  std::string result;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    // "École de Saaba": short words after the first keep their case.
    const bool stays = begin > 0 && text::code_points(word).size() <= 2;
    result += (begin > 0 ? " " : "") + (stays ? word : with_capital(word));
    begin = end + 1;
  }
  return result;
}

}  // namespace

std::string with_capital(const std::string& text) {
  const auto points = text::code_points(text);
  if (points.empty()) return text;
  const auto first = points.front().end;
  return text::upper_case(text.substr(0, first)) + text.substr(first);
}

std::string in_some_case(const std::string& text, RandomStream& random) {
  const double kind = random.uniform();
  if (kind < 0.28) return text::upper_case(text);
  if (kind < 0.60) return title_case(text);
  if (kind < 0.85) return text::lower_case(text);
  return text;
}

}  // namespace glm_image::posters
