#include "nano/posters/split.h"

#include <glib.h>

#include <algorithm>
#include <memory>

#include "core/random_stream.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

constexpr uint64_t kEvaluationShare = 5;  // one in five belongs to evaluation

Split split_of(std::string_view kind, std::string_view key) {
  const auto hash = stable_hash(std::string(kind) + "\n" + std::string(key));
  return hash % kEvaluationShare == 0 ? Split::kEvaluation : Split::kTraining;
}

bool is_letter_or_digit(char32_t c) {
  return g_unichar_isalnum(c) != 0;
}

}  // namespace

std::vector<std::string> folded_words(std::string_view text) {
  const std::unique_ptr<char, decltype(&g_free)> lower(
      g_utf8_strdown(text.data(), static_cast<gssize>(text.size())), &g_free);
  const std::string_view folded = lower.get();
  std::vector<std::string> words;
  std::string word;
  std::size_t kept = 0;  // bytes of the word up to its last letter or digit
  const auto finish = [&] {
    word.resize(kept);
    if (!word.empty()) words.push_back(word);
    word.clear();
    kept = 0;
  };
  for (const auto& point : text::code_points(folded)) {
    if (text::is_white_space(point.value)) {
      finish();
    } else if (is_letter_or_digit(point.value) || !word.empty()) {
      text::append_utf8(word, point.value);
      if (is_letter_or_digit(point.value)) kept = word.size();
    }
  }
  finish();
  return words;
}

std::optional<Split> split_of_text(std::string_view text) {
  std::optional<Split> split;
  std::string whole;
  for (const auto& word : folded_words(text)) {
    whole += (whole.empty() ? "" : " ") + word;
    if (text::code_points(word).size() < kShortestHeldWord) continue;
    const auto of_word = split_of("word", word);
    if (split && *split != of_word) return std::nullopt;
    split = of_word;
  }
  return split ? split : split_of("word", whole);
}

Split split_of_pair(std::string_view colour, std::string_view pictogram) {
  return split_of("pair", std::string(colour) + "\n" + std::string(pictogram));
}

bool pairs_belong(const Background& background, std::string_view pictogram, Split split) {
  return split_of_pair(background.first.id, pictogram) == split &&
         (!background.second || split_of_pair(background.second->id, pictogram) == split);
}

std::string layout_name(std::vector<Place> texts, std::vector<Place> pictograms) {
  std::string name;
  for (auto* places : {&texts, &pictograms}) {
    std::sort(places->begin(), places->end());
    name += places == &texts ? "texts" : " pictograms";
    for (const Place place : *places) name += " " + std::string(place_name(place));
  }
  return name;
}

bool layout_belongs(const std::vector<Place>& texts,
                    const std::vector<Place>& pictograms,
                    Split split) {
  if (texts.size() + pictograms.size() < 2) return true;
  return split_of("layout", layout_name(texts, pictograms)) == split;
}

}  // namespace glm_image::posters
