#include "text/text_keys.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace glm_image::text {
namespace {

using KeyWords = std::initializer_list<std::u32string_view>;

constexpr KeyWords kTextWords = {
    U"text",         U"texts",     U"title",       U"titles",      U"subtitle",   U"subtitles",
    U"headline",     U"headlines", U"subheadline", U"heading",     U"headings",   U"subheading",
    U"slogan",       U"slogans",   U"tagline",     U"label",       U"labels",     U"inscription",
    U"inscriptions", U"lettering", U"wording",     U"quote",       U"quotes",     U"word",
    U"words",        U"texte",     U"textes",      U"titre",       U"titres",     U"mot",
    U"mots",         U"titel",     U"untertitel",  U"überschrift", U"aufschrift", U"beschriftung",
    U"texto",        U"textos",    U"título",      U"titulo",      U"títulos",    U"subtítulo",
    U"lema",         U"rótulo",    U"testo",       U"testi",       U"titolo",     U"sottotitolo",
    U"scritta",      U"tekst",     U"tytuł",       U"napis",       U"текст",      U"заголовок",
    U"надпись",      U"название",  U"نص",          U"النص",        U"عنوان",      U"العنوان",
    U"כותרת",        U"טקסט",      U"文字",        U"文本",        U"标题",       U"標題",
    U"副标题",       U"口号",      U"文案",        U"テキスト",    U"タイトル",   U"文言",
    U"텍스트",       U"제목"};

constexpr KeyWords kAttributeWords = {
    U"color",   U"colour",  U"colors",   U"colours",    U"font",        U"fonts",   U"style",
    U"styles",  U"size",    U"position", U"place",      U"placement",   U"align",   U"alignment",
    U"effect",  U"effects", U"layout",   U"background", U"type",        U"weight",  U"language",
    U"lang",    U"case",    U"shape",    U"material",   U"description", U"count",   U"typography",
    U"couleur", U"police",  U"taille",   U"farbe",      U"no",          U"without", U"rendering"};

constexpr KeyWords kContentWords = {
    U"content", U"contents", U"value",     U"values",    U"string",  U"strings", U"line",
    U"lines",   U"main",     U"primary",   U"secondary", U"first",   U"second",  U"third",
    U"upper",   U"lower",    U"top",       U"bottom",    U"left",    U"right",   U"center",
    U"centre",  U"middle",   U"header",    U"footer",    U"contenu", U"ligne",   U"lignes",
    U"inhalt",  U"zeile",    U"contenido", U"contenuto", U"内容"};

bool holds_any(const std::vector<std::u32string>& words, KeyWords wanted) {
  return std::any_of(words.begin(), words.end(), [&](const std::u32string& word) {
    return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
  });
}

/// The words of a key in lower case: "main" and "text" for mainText, main_text and "Main text 2".
std::vector<std::u32string> words_of(const std::u32string& key) {
  std::vector<std::u32string> words;
  bool in_word = false;
  bool was_lower = false;
  for (const char32_t c : key) {
    const auto code = static_cast<UChar32>(c);
    if (!u_isalpha(code)) {
      in_word = was_lower = false;
      continue;
    }
    const bool is_upper = u_isupper(code) != 0;
    if (!in_word || (is_upper && was_lower)) words.emplace_back();
    words.back() += static_cast<char32_t>(u_tolower(code));
    in_word = true;
    was_lower = !is_upper;
  }
  return words;
}

}  // namespace

bool names_a_text(const std::u32string& key) {
  const auto words = words_of(key);
  return holds_any(words, kTextWords) && !holds_any(words, kAttributeWords);
}

bool names_content(const std::u32string& key) {
  const auto words = words_of(key);
  return holds_any(words, kContentWords) && !holds_any(words, kAttributeWords);
}

}  // namespace glm_image::text
