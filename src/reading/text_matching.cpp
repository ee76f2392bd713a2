#include "reading/text_matching.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "reading/text_reader.h"
#include "reading/word_score.h"
#include "text/scripts.h"
#include "text/unicode.h"

namespace glm_image::reading {
namespace {

using Letters = std::u32string;

/// Longer texts are compared word by word only: comparing them whole takes time that is quadratic
/// in their length.
constexpr std::size_t kLongestWhole = 300;

Letters folded_letters(const std::string& text) {
  Letters letters;
  for (const auto& point : text::code_points(text)) letters += point.value;
  return letters;
}

/// A text's words in the form of compared_words, and all of them without spaces.
struct FoldedText {
  std::vector<Letters> words;
  Letters whole;
};

FoldedText folded(const std::string& text) {
  FoldedText folded;
  for (const auto& word : compared_words(text)) {
    folded.words.push_back(folded_letters(word));
    folded.whole += folded.words.back();
  }
  return folded;
}

struct FoldedWord {
  Letters letters;
  const ReadWord* read;
};

/// The edit distances between a wanted text and a text that was read, which grows letter by letter.
class GrowingDistance {
 public:
  GrowingDistance(const Letters& wanted, const std::set<char32_t>& unknown)
      : wanted_(wanted), unknown_(unknown), row_(wanted.size() + 1) {
    std::iota(row_.begin(), row_.end(), std::size_t{0});
  }

  void append(char32_t letter) {
    std::size_t diagonal = row_[0]++;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      const std::size_t replaced = diagonal + (is_same(letter, wanted_[i]) ? 0 : 1);
      diagonal = row_[i + 1];
      row_[i + 1] = std::min({replaced, row_[i] + 1, diagonal + 1});
    }
  }

  std::size_t length() const { return row_[0]; }
  double similarity() const {
    const auto longer = std::max(wanted_.size(), length());
    return longer == 0 ? 1 : 1 - static_cast<double>(row_.back()) / static_cast<double>(longer);
  }

 private:
  bool is_same(char32_t read, char32_t wanted) const {
    return read == wanted || (unknown_.count(wanted) != 0 && stands_for(read, wanted));
  }

  const Letters& wanted_;
  const std::set<char32_t>& unknown_;
  std::vector<std::size_t> row_;
};

/// Words that were read for a text.
struct Match {
  double similarity = 0;
  std::vector<const ReadWord*> words;
};

/// The words that follow one another and are most like the text.
Match best_run(const std::vector<FoldedWord>& reading,
               const Letters& wanted,
               const std::set<char32_t>& unknown) {
  Match best;
  if (wanted.size() > kLongestWhole) return best;
  const std::size_t longest = wanted.size() + wanted.size() / 2 + 2;
  for (std::size_t first = 0; first < reading.size(); ++first) {
    GrowingDistance distance(wanted, unknown);
    for (std::size_t last = first; last < reading.size() && distance.length() < longest; ++last) {
      for (const char32_t letter : reading[last].letters) distance.append(letter);
      if (distance.similarity() <= best.similarity) continue;
      best.similarity = distance.similarity();
      best.words.clear();
      for (std::size_t i = first; i <= last; ++i) best.words.push_back(reading[i].read);
    }
  }
  return best;
}

/// The most similar word for each word of the text, without those that are taken. The similarity is
/// that of all of them, one after the other, or for a long text the mean over its letters.
Match best_words(const std::vector<FoldedWord>& reading,
                 const FoldedText& text,
                 const std::set<char32_t>& unknown,
                 std::set<const ReadWord*> taken) {
  Match match;
  GrowingDistance whole(text.whole, unknown);
  double sum = 0;
  for (const auto& word : text.words) {
    double nearest = 0;
    const FoldedWord* at = nullptr;
    for (const auto& read : reading) {
      if (taken.count(read.read) != 0) continue;
      GrowingDistance distance(word, unknown);
      for (const char32_t letter : read.letters) distance.append(letter);
      if (distance.similarity() <= nearest) continue;
      nearest = distance.similarity();
      at = &read;
    }
    sum += nearest * static_cast<double>(word.size());
    if (nearest < kSimilarText) continue;
    match.words.push_back(at->read);
    taken.insert(at->read);
    if (text.whole.size() > kLongestWhole) continue;
    for (const char32_t letter : at->letters) whole.append(letter);
  }
  if (text.whole.empty()) return match;
  match.similarity = text.whole.size() > kLongestWhole
                         ? sum / static_cast<double>(text.whole.size())
                         : whole.similarity();
  return match;
}

void improve(TextCheck& check, const Match& match) {
  if (match.words.empty() || match.similarity <= check.similarity) return;
  check.similarity = match.similarity;
  if (match.similarity < kSimilarText) return;
  check.state = match.similarity >= 1 ? TextState::kFound : TextState::kSimilar;
  check.read.clear();
  PixelBox box;
  for (const auto* word : match.words) {
    check.read += (check.read.empty() ? "" : " ") + word->text;
    box = united(box, word->box);
  }
  check.box = {box.left, box.top, box.width(), box.height()};
}

}  // namespace

bool stands_for(char32_t read, char32_t unknown) {
  const auto bare = text::without_accent(unknown);
  const auto seen = text::without_accent(read);
  if (seen == bare) return true;
  // What Tesseract makes of the letters of African languages, in lower case.
  switch (bare) {
    case U'ɛ':
      return seen == U'e' || seen == U'3' || seen == U'€' || seen == U'c';
    case U'ɔ':
      return seen == U'o' || seen == U'c' || seen == U'>' || seen == U')';
    case U'ɩ':
      return seen == U'i' || seen == U'l' || seen == U't' || seen == U'1' || seen == U'ı';
    case U'ʋ':
      return seen == U'u' || seen == U'v';
    case U'ŋ':
    case U'ɲ':
      return seen == U'n' || seen == U'p';
    case U'ɓ':
      return seen == U'b' || seen == U'6';
    case U'ɗ':
    case U'ɖ':
      return seen == U'd';
    case U'ƴ':
      return seen == U'y';
    case U'ƙ':
      return seen == U'k';
    case U'ǝ':
    case U'ə':
      return seen == U'e' || seen == U'a';
    case U'ɣ':
      return seen == U'y' || seen == U'v';
    case U'ƒ':
      return seen == U'f';
    default:
      return false;
  }
}

void match_texts(const std::vector<ReadWord>& reading,
                 const std::vector<WantedText>& wanted,
                 std::vector<TextCheck>& checks) {
  std::vector<FoldedWord> words;
  for (const auto& read : reading) {
    auto letters = folded(read.text).whole;
    if (!letters.empty()) words.push_back({std::move(letters), &read});
  }
  std::vector<FoldedText> texts;
  std::set<const ReadWord*> taken;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    texts.push_back(folded(wanted[i].text));
    const auto run = best_run(words, texts[i].whole, wanted[i].unknown_letters);
    improve(checks[i], run);
    if (run.similarity >= 1) taken.insert(run.words.begin(), run.words.end());
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (checks[i].state == TextState::kFound) continue;
    improve(checks[i], best_words(words, texts[i], wanted[i].unknown_letters, taken));
  }
}

}  // namespace glm_image::reading
