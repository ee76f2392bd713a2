#include "text/apostrophes.h"

#include <algorithm>
#include <string_view>

#include "text/text_neighbours.h"

namespace glm_image::text {
namespace {

using Words = std::initializer_list<std::u32string_view>;

bool contains(Words words, const std::u32string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Without words that also begin titles ('A Day', 'Round Midnight').
constexpr Words kElidedInFront = {
    // English
    U"n",
    U"em",
    U"er",
    U"til",
    U"till",
    U"tis",
    U"twas",
    U"twere",
    U"twill",
    U"twould",
    U"cause",
    U"cuz",
    U"coz",
    U"bout",
    U"neath",
    U"gainst",
    U"nuff",
    U"hood",
    U"burbs",
    U"fro",
    U"tude",
    U"scuse",
    U"fraid",
    U"nother",
    // Dutch, Afrikaans, Low German, Welsh
    U"t",
    U"s",
    U"k",
    U"m",
    U"r",
    U"d",
    U"ns",
    // German
    U"nen",
    U"ner",
    U"nem",
    U"rein",
    U"raus",
    U"rauf",
    U"runter",
    // Hausa
    U"yan",
    U"yar"};

constexpr Words kElidedBehind = {
    // Italian, Neapolitan
    U"po",
    U"mo",
    U"de",
    U"ne",
    U"da",
    U"co",
    U"va",
    U"fa",
    U"di",
    U"sta",
    U"be",
    U"to",
    U"un",
    U"all",
    U"dell",
    U"nell",
    U"sull",
    U"dall",
    U"quest",
    U"quell",
    U"sant",
    // French
    U"qu",
    U"jusqu",
    U"lorsqu",
    U"puisqu",
    U"entr",
    // English, Scots
    U"n",
    U"ol",
    U"lil",
    U"wi",
    U"an",
    U"th",
    U"tha",
    // Spanish, Portuguese
    U"pa",
    U"pal",
    // Greek
    U"απ",
    U"με",
    U"σε",
    U"αλλ",
    U"παρ",
    U"κατ"};

/// Words before a letter that is quoted, not shortened: the letter 'n'.
constexpr Words kBeforeNamed = {
    U"a",          U"an",     U"the",    U"letter",  U"letters", U"character", U"initial",
    U"key",        U"button", U"with",   U"say",     U"says",    U"saying",    U"reads",
    U"reading",    U"titled", U"named",  U"called",  U"word",    U"text",      U"title",
    U"and",        U"or",     U"lettre", U"lettres", U"la",      U"le",        U"buchstabe",
    U"buchstaben", U"letra",  U"letras", U"lettera"};

/// Words after such a letter.
constexpr Words kAfterNamed = {U"in",   U"on",   U"at",  U"above", U"below",   U"under",  U"over",
                               U"near", U"with", U"and", U"or",    U"en",      U"au",     U"sur",
                               U"avec", U"et",   U"und", U"y",     U"written", U"painted"};

/// Whether one space and a word follow the character at `last`.
bool precedes_word(const std::vector<CodePoint>& text, std::size_t last) {
  return last + 2 < text.size() && is_white_space(text[last + 1].value) &&
         text[last + 1].value != U'\n' && neighbour_kind(text[last + 2].value) == Neighbour::kWord;
}

/// Whether the word is two digits and s, or two digits after a word such as in: summer of '69.
bool is_year(const std::vector<CodePoint>& text, std::size_t begin, const std::u32string& word) {
  if (word.size() < 2 || !is_digit(word[0]) || !is_digit(word[1])) return false;
  if (word.size() == 3) return word[2] == U's';
  if (word.size() > 3 || begin < 2 || !is_white_space(text[begin - 2].value)) return false;
  return word.size() == 2 &&
         contains({U"of", U"in", U"since", U"from", U"circa"}, word_before(text, begin - 2));
}

}  // namespace

bool begins_elided(const std::vector<CodePoint>& text, std::size_t begin) {
  const auto word = word_from(text, begin);
  if (word.empty()) return false;
  return contains(kElidedInFront, word) || is_year(text, begin, word);
}

Doubt closing_doubt(const std::vector<CodePoint>& text, std::size_t first, std::size_t last) {
  const char32_t before = visible_before(text, first);
  if (is_digit(before)) return Doubt::kSome;
  if (!precedes_word(text, last)) return Doubt::kNone;
  if (is_hebrew_letter(before)) return Doubt::kSome;
  const auto word = word_before(text, first);
  if (word.empty()) return Doubt::kNone;
  if (contains(kElidedBehind, word)) return Doubt::kMuch;
  const bool possessive =
      std::u32string_view(U"sxz").find(word.back()) != std::u32string_view::npos;
  const bool dropped_g = word.size() > 3 && word.compare(word.size() - 2, 2, U"in") == 0;
  return word.size() == 1 || possessive || dropped_g ? Doubt::kSome : Doubt::kNone;
}

bool is_and_between_words(const std::vector<CodePoint>& text, std::size_t first, std::size_t last) {
  if (last != first + 2 || (text[first + 1].value | 0x20) != U'n') return false;
  if (first < 2 || !is_white_space(text[first - 1].value) || !precedes_word(text, last))
    return false;
  const auto before = word_before(text, first - 1);
  return !before.empty() && !contains(kBeforeNamed, before) &&
         !contains(kAfterNamed, word_from(text, last + 2));
}

}  // namespace glm_image::text
