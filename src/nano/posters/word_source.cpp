#include "nano/posters/word_source.h"

#include <algorithm>
#include <set>

#include "nano/posters/data_fields.h"
#include "nano/posters/letter_case.h"
#include "text/letter_case.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

constexpr std::string_view kPunctuation = "!?,.:-'%&/";
constexpr std::string_view kDigits = "0123456789";

WordList read_list(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  WordList list;
  list.language = required_id(fields, "language");
  list.weight = fields.required_double("weight", 0.001, 1000);
  list.letters = required_pieces(fields, "letters");
  list.onsets = required_pieces(fields, "onsets");
  list.nuclei = required_pieces(fields, "nuclei");
  list.codas = required_pieces(fields, "codas");
  list.endings = required_pieces(fields, "endings");
  list.words = required_texts(fields, "words");
  list.phrases = required_texts(fields, "phrases");
  std::set<std::string> allowed(list.letters.begin(), list.letters.end());
  for (const char mark : kPunctuation) allowed.insert(std::string(1, mark));
  for (const char digit : kDigits) allowed.insert(std::string(1, digit));
  allowed.insert(" ");
  const auto check = [&](const char* name, const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
      for (const auto& letter : text::characters(text::lower_case(text))) {
        if (allowed.count(letter) > 0) continue;
        fields.refuse(name, concat("of the file's letters (", text, " has ", letter, ")"));
      }
    }
  };
  check("onsets", list.onsets);
  check("nuclei", list.nuclei);
  check("codas", list.codas);
  check("endings", list.endings);
  check("words", list.words);
  check("phrases", list.phrases);
  for (const auto& word : list.words) {
    if (word.find(' ') != std::string::npos) fields.refuse("words", "without spaces: " + word);
  }
  return list;
}

}  // namespace

WordSource WordSource::load(const std::filesystem::path& data_folder) {
  WordSource source;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder / "words", error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (files.empty()) {
    fail(ErrorCode::kNotFound, (data_folder / "words").string(), ": no word lists (*.json)");
  }
  // Directory order is unspecified, but the order of the lists determines what a seed generates.
  std::sort(files.begin(), files.end());
  std::set<char32_t> letters(kPunctuation.begin(), kPunctuation.end());
  letters.insert(kDigits.begin(), kDigits.end());
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    letters.insert(static_cast<char32_t>(letter));
    letters.insert(static_cast<char32_t>(letter - 'a' + 'A'));
  }
  for (const auto& file : files) {
    auto list = read_list(file);
    for (const auto& letter : list.letters) {
      for (const auto& text : {letter, text::upper_case(letter)}) {
        for (const auto& point : text::code_points(text)) letters.insert(point.value);
      }
    }
    source.list_weights_.push_back(list.weight);
    source.lists_.push_back(std::move(list));
  }
  source.letters_.assign(letters.begin(), letters.end());
  source.number_patterns_ =
      required_texts(io::JsonFields::load(data_folder / "numbers.json"), "patterns");
  for (const auto& pattern : source.number_patterns_) {
    std::string rest = pattern;
    for (const auto mark : {"<digit>", "<day>", "<month>", "<hour>", "<minute>"}) {
      for (auto at = rest.find(mark); at != std::string::npos; at = rest.find(mark)) {
        rest.erase(at, std::string(mark).size());
      }
    }
    for (const auto& point : text::code_points(rest)) {
      if (point.value == U' ' || letters.count(point.value) > 0) continue;
      fail(ErrorCode::kCorruptFile,
           (data_folder / "numbers.json").string(),
           ": the pattern ",
           pattern,
           " must be of marks, letters of the word lists, digits and punctuation");
    }
  }
  return source;
}

WordSource::Text WordSource::text(RandomStream& random, Split split, int max_words) const {
  constexpr int kAttempts = 10000;
  for (int i = 0; i < kAttempts; ++i) {
    auto text = attempt(random, max_words);
    if (split_of_text(text.text) == split) return text;
  }
  fail(ErrorCode::kCorruptFile, "the word lists give no text of this split");
}

WordSource::Text WordSource::attempt(RandomStream& random, int max_words) const {
  const auto& list = lists_[random.pick_weighted(list_weights_)];
  std::string text, language = list.language;
  if (random.chance(0.1)) {
    text = number(random);
    language.clear();
  } else if (max_words > 1 && random.chance(0.2)) {
    text = random.pick(list.phrases);
  } else {
    text = word(random, list);
    while (max_words > 1 && random.chance(0.3)) {
      static const std::vector<std::string> kJoints{" ", " ", " ", " ", " ", " & ", ", ", "-", "/"};
      text += random.pick(kJoints) + (random.chance(0.1) ? number(random) : word(random, list));
    }
  }
  text = in_some_case(text, random);
  if (random.chance(0.22)) {
    static const std::vector<std::string> kEnds{"!", "!", "!", "?", "?", ".", ".", ":", ","};
    text += random.pick(kEnds);
  }
  return {std::move(text), std::move(language)};
}

std::string WordSource::word(RandomStream& random, const WordList& list) const {
  const double kind = random.uniform();
  if (kind < 0.30) return random.pick(list.words);
  if (kind < 0.45) return random_letters(random, list);
  std::string word = pseudo_word(random, list);
  const bool is_elided = list.language == "french" && random.chance(0.05);
  return is_elided ? "l'" + word : word;
}

std::string WordSource::pseudo_word(RandomStream& random, const WordList& list) const {
  static const std::vector<double> kSyllables{1, 4, 3, 1};
  const auto syllables = 1 + random.pick_weighted(kSyllables);
  std::string word;
  for (std::size_t i = 0; i < syllables; ++i) {
    word += random.pick(list.onsets) + random.pick(list.nuclei) + random.pick(list.codas);
  }
  return word + random.pick(list.endings);
}

std::string WordSource::random_letters(RandomStream& random, const WordList& list) const {
  std::string word;
  const auto count = random.between(2, 8);
  for (int64_t i = 0; i < count; ++i) word += random.pick(list.letters);
  return word;
}

std::string WordSource::number(RandomStream& random) const {
  std::string text = random.pick(number_patterns_);
  const auto replace = [&](const std::string& mark, const auto& value) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
      text.replace(at, mark.size(), value());
    }
  };
  const auto two_digits = [&](int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
  };
  replace("<digit>", [&] { return std::to_string(random.between(0, 9)); });
  replace("<day>", [&] { return std::to_string(random.between(1, 31)); });
  replace("<month>", [&] { return two_digits(random.between(1, 12)); });
  replace("<hour>", [&] { return std::to_string(random.between(0, 23)); });
  replace("<minute>", [&] { return two_digits(5 * random.between(0, 11)); });
  return text;
}

}  // namespace glm_image::posters
