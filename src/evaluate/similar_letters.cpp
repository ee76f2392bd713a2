#include "evaluate/similar_letters.h"

#include <algorithm>
#include <set>

#include "reading/word_score.h"
#include "text/letter_case.h"
#include "text/unicode.h"

namespace glm_image::evaluate {
namespace {

using reading::can_be_read;

/// Groups of similar letters, in lower case: with and without an accent or a hook, or with similar
/// outlines. A letter may be in several groups.
constexpr const char* kAlike[] = {
    "aãàâ", "ao",   "eéèêëẽɛ", "ec", "ɛ3",  "iîïĩɩ", "il1", "ɩlt", "oõôɔ", "oc0", "ɔc",  "uûùũ",
    "uʋv",  "nŋɲñ", "nmhu",    "ŋn", "bɓ",  "bdh6",  "dɗ",  "dao", "yƴ",   "yvg", "cç",  "gq9",
    "pbq",  "rn",   "sz5",     "sc", "tfl", "kh",    "wvm", "xk",  "jiy",  "zs2", "fɛt", "œo"};

std::vector<std::string> letters_like(const std::string& letter) {
  const auto small = text::lower_case(letter);
  const bool is_capital = small != letter;
  std::set<std::string> alike;
  for (const auto* list : kAlike) {
    const auto letters = text::characters(list);
    bool has = false;
    for (const auto& other : letters) has |= other == small;
    if (has) alike.insert(letters.begin(), letters.end());
  }
  alike.erase(small);
  std::vector<std::string> result;
  result.reserve(alike.size());
  for (const auto& other : alike) {
    result.push_back(is_capital ? text::upper_case(other) : other);
  }
  return result;
}

}  // namespace

std::vector<std::string> words_one_letter_away(const std::string& word) {
  const auto letters = text::characters(word);
  std::set<std::string> words;
  const auto add = [&](std::size_t at, const std::string& instead) {
    std::string other;
    for (std::size_t i = 0; i < letters.size(); ++i) other += i == at ? instead : letters[i];
    if (other != word && !other.empty()) words.insert(text::to_nfc(other));
  };
  for (std::size_t i = 0; i < letters.size(); ++i) {
    for (const auto& other : letters_like(letters[i])) add(i, other);
    add(i, "");
    add(i, letters[i] + letters[i]);
  }
  return {words.begin(), words.end()};
}

std::vector<std::string> words_misread_as(const std::string& word) {
  auto words = words_one_letter_away(word);
  words.erase(std::remove_if(words.begin(), words.end(), can_be_read), words.end());
  return words;
}

}  // namespace glm_image::evaluate
