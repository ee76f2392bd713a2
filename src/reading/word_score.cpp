#include "reading/word_score.h"

#include <algorithm>
#include <numeric>

#include "text/letter_case.h"
#include "text/unicode.h"

namespace glm_image::reading {
namespace {

std::vector<char32_t> characters_of(std::string_view text) {
  std::vector<char32_t> characters;
  for (const auto& point : text::code_points(text)) characters.push_back(point.value);
  return characters;
}

char32_t plain(char32_t c) {
  switch (c) {
    case U'‘':
    case U'’':
    case U'ʼ':
      return U'\'';
    case U'–':
    case U'—':
    case U'−':
      return U'-';
    default:
      return c;
  }
}

}  // namespace

std::vector<std::string> compared_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  const auto folded = text::lower_case(text::to_nfc(text));
  for (const auto& point : text::code_points(folded)) {
    if (text::is_white_space(point.value)) {
      finish();
    } else {
      text::append_utf8(word, plain(point.value));
    }
  }
  finish();
  return words;
}

int64_t edit_distance(std::string_view a, std::string_view b) {
  const auto first = characters_of(a), second = characters_of(b);
  // One row of the table: the distances from a prefix of `first` to each prefix of `second`.
  std::vector<int64_t> row(second.size() + 1);
  std::iota(row.begin(), row.end(), int64_t{0});
  for (std::size_t i = 0; i < first.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i + 1);
    for (std::size_t j = 0; j < second.size(); ++j) {
      const int64_t replaced = diagonal + (first[i] == second[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

double similarity(std::string_view a, std::string_view b) {
  const auto longer = std::max(characters_of(a).size(), characters_of(b).size());
  if (longer == 0) return 1;
  return 1 - static_cast<double>(edit_distance(a, b)) / static_cast<double>(longer);
}

bool can_be_read(std::string_view word) {
  static const auto known = characters_of("abcdefghijklmnopqrstuvwxyzéè0123456789!?,.:;-'%&/");
  const auto letters = characters_of(text::lower_case(std::string(word)));
  return std::all_of(letters.begin(), letters.end(), [](char32_t letter) {
    return std::find(known.begin(), known.end(), letter) != known.end();
  });
}

}  // namespace glm_image::reading
