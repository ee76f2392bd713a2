#include "posters/letter_case.h"

#include <glib.h>

#include <memory>

#include "text/unicode.h"

namespace glm_image::posters {
namespace {

std::string taken(char* text) {
  const std::unique_ptr<char, decltype(&g_free)> owner(text, &g_free);
  return text::to_nfc(text);
}

std::string title_case(const std::string& text) {
  std::string result;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    // "École de Saaba": short words between others stay small.
    const bool stays = begin > 0 && text::code_points(word).size() <= 2;
    result += (begin > 0 ? " " : "") + (stays ? word : with_capital(word));
    begin = end + 1;
  }
  return result;
}

}  // namespace

std::string lower_case(const std::string& text) {
  return taken(g_utf8_strdown(text.data(), static_cast<gssize>(text.size())));
}

std::string upper_case(const std::string& text) {
  return taken(g_utf8_strup(text.data(), static_cast<gssize>(text.size())));
}

std::string with_capital(const std::string& text) {
  const auto points = text::code_points(text);
  if (points.empty()) return text;
  const auto first = points.front().end;
  return upper_case(text.substr(0, first)) + text.substr(first);
}

std::string in_some_case(const std::string& text, RandomStream& random) {
  const double kind = random.uniform();
  if (kind < 0.28) return upper_case(text);
  if (kind < 0.60) return title_case(text);
  if (kind < 0.85) return lower_case(text);
  return text;
}

}  // namespace glm_image::posters
