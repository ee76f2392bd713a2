#include "reading/languages.h"

#include <algorithm>

#include "core/error.h"
#include "text/letter_case.h"
#include "text/scripts.h"
#include "text/unicode.h"

namespace glm_image::reading {
namespace {

/// One choice of data for a script.
struct Choice {
  std::vector<const char*> data;  ///< read together
  const char* package;            ///< Debian's, of the last of them
  /// In lower case; empty if the data know all usual letters of the script.
  const char* letters;
};

struct Script {
  std::vector<const char*> codes;  ///< ISO 15924
  std::vector<Choice> choices;     ///< the best first
};

// Letters of the data of Tesseract 5 (`combine_tessdata -e fra.traineddata fra.lstm-unicharset`).
constexpr const char* kEnglish = "abcdefghijklmnopqrstuvwxyzé";
constexpr const char* kFrench = "abcdefghijklmnopqrstuvwxyzàâäæçéèêëîïñôœùûüÿ";
constexpr const char* kLatin =
    "abcdefghijklmnopqrstuvwxyzàáâãäåæāăąçćĉċčďđðèéêëēėęěəĝğġģĥħìíîïīįıĵķĺļľłñńņňòóôõöøōőœŕřśŝşšșťţ"
    "ț"
    "ùúûüūŭůűųŵýÿŷžźżþßĳọẹṣªº";
constexpr const char* kRussian = "абвгдежзийклмнопрстуфхцчшщъыьэюяё";
constexpr const char* kArabic = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيـ";

const std::vector<Script>& scripts() {
  // Japanese and Korean come before Chinese: they have Chinese characters too.
  static const std::vector<Script> table = {
      {{"Latn"},
       {{{"fra", "eng"}, "tesseract-ocr-fra", kFrench},
        {{"eng"}, "tesseract-ocr-eng", kEnglish},
        {{"fra"}, "tesseract-ocr-fra", kFrench},
        {{"Latin"}, "tesseract-ocr-script-latn", kLatin}}},
      {{"Hira", "Kana"}, {{{"jpn"}, "tesseract-ocr-jpn", ""}}},
      {{"Hang"}, {{{"kor"}, "tesseract-ocr-kor", ""}}},
      {{"Hani", "Bopo"},
       {{{"chi_sim", "chi_tra"}, "tesseract-ocr-chi-tra", ""},
        {{"chi_sim"}, "tesseract-ocr-chi-sim", ""},
        {{"chi_tra"}, "tesseract-ocr-chi-tra", ""}}},
      {{"Arab"},
       {{{"ara"}, "tesseract-ocr-ara", kArabic}, {{"Arabic"}, "tesseract-ocr-script-arab", ""}}},
      {{"Cyrl"},
       {{{"rus"}, "tesseract-ocr-rus", kRussian}, {{"Cyrillic"}, "tesseract-ocr-script-cyrl", ""}}},
      {{"Grek"},
       {{{"ell"}, "tesseract-ocr-ell", ""}, {{"Greek"}, "tesseract-ocr-script-grek", ""}}},
      {{"Hebr"},
       {{{"heb"}, "tesseract-ocr-heb", ""}, {{"Hebrew"}, "tesseract-ocr-script-hebr", ""}}},
      {{"Deva"},
       {{{"hin"}, "tesseract-ocr-hin", ""}, {{"Devanagari"}, "tesseract-ocr-script-deva", ""}}},
      {{"Beng"},
       {{{"ben"}, "tesseract-ocr-ben", ""}, {{"Bengali"}, "tesseract-ocr-script-beng", ""}}},
      {{"Taml"}, {{{"tam"}, "tesseract-ocr-tam", ""}}},
      {{"Telu"}, {{{"tel"}, "tesseract-ocr-tel", ""}}},
      {{"Gujr"}, {{{"guj"}, "tesseract-ocr-guj", ""}}},
      {{"Guru"}, {{{"pan"}, "tesseract-ocr-pan", ""}}},
      {{"Knda"}, {{{"kan"}, "tesseract-ocr-kan", ""}}},
      {{"Mlym"}, {{{"mal"}, "tesseract-ocr-mal", ""}}},
      {{"Sinh"}, {{{"sin"}, "tesseract-ocr-sin", ""}}},
      {{"Thai"}, {{{"tha"}, "tesseract-ocr-tha", ""}}},
      {{"Laoo"}, {{{"lao"}, "tesseract-ocr-lao", ""}}},
      {{"Khmr"}, {{{"khm"}, "tesseract-ocr-khm", ""}}},
      {{"Mymr"}, {{{"mya"}, "tesseract-ocr-mya", ""}}},
      {{"Tibt"}, {{{"bod"}, "tesseract-ocr-bod", ""}}},
      {{"Geor"}, {{{"kat"}, "tesseract-ocr-kat", ""}}},
      {{"Armn"}, {{{"hye"}, "tesseract-ocr-hye", ""}}},
      {{"Ethi"}, {{{"amh"}, "tesseract-ocr-amh", ""}}},
  };
  return table;
}

std::set<char32_t> set_of_letters(std::string_view text) {
  std::set<char32_t> letters;
  for (const auto& point : text::code_points(text)) letters.insert(point.value);
  return letters;
}

/// The letters of a text that belong to a script, in lower case.
std::set<char32_t> letters_in(const std::string& text, const Script& script) {
  std::set<char32_t> letters;
  for (const auto& letter : text::characters(text::lower_case(text))) {
    for (const auto& code : text::scripts_of(letter)) {
      if (std::find(script.codes.begin(), script.codes.end(), code) == script.codes.end()) continue;
      letters.insert(text::code_points(letter).front().value);
    }
  }
  return letters;
}

/// The letters that a choice lacks.
std::set<char32_t> unknown_to(const Choice& choice, const std::set<char32_t>& letters) {
  if (*choice.letters == '\0') return {};
  auto unknown = letters;
  for (const char32_t known : set_of_letters(choice.letters)) unknown.erase(known);
  return unknown;
}

/// The choice's names as Tesseract wants them, or "" if one is not installed. Some distributions
/// keep the data of scripts in a folder.
std::string installed_names(const Choice& choice, const std::set<std::string>& installed) {
  std::string names;
  for (const std::string name : choice.data) {
    const auto in_folder = "script/" + name;
    if (installed.count(name) == 0 && installed.count(in_folder) == 0) return "";
    names += (names.empty() ? "" : "+") + (installed.count(name) != 0 ? name : in_folder);
  }
  return names;
}

/// The letters of a text that no data know, of any script.
std::set<char32_t> unknown_to_all(const Script& script, const std::set<char32_t>& letters) {
  auto unknown = letters;
  for (const auto& choice : script.choices) {
    const auto of_choice = unknown_to(choice, letters);
    if (of_choice.size() < unknown.size()) unknown = of_choice;
  }
  return unknown;
}

/// Data of one script. Letters that no data know do not decide which are needed.
TextData data_of_script(const std::string& text,
                        const Script& script,
                        const std::set<std::string>& installed) {
  auto letters = letters_in(text, script);
  TextData data;
  data.unknown_letters = unknown_to_all(script, letters);
  for (const char32_t letter : data.unknown_letters) letters.erase(letter);
  const Choice* wanted = nullptr;
  for (const auto& choice : script.choices) {
    if (!unknown_to(choice, letters).empty()) continue;
    const auto names = installed_names(choice, installed);
    // The best choice, and the data of the whole script, which differ most from it.
    if (!names.empty() && (data.languages.empty() || &choice == &script.choices.back())) {
      data.languages.push_back(names);
    }
    // The smallest choice that would do.
    if (wanted == nullptr || choice.data.size() < wanted->data.size()) wanted = &choice;
  }
  if (data.languages.empty() && wanted != nullptr) {
    fail_at(ErrorCode::kUnsupported,
            {"", "verify"},
            "verify needs Tesseract's data \"",
            wanted->data.front(),
            "\" to read the text \"",
            text,
            "\": install the package ",
            wanted->package);
  }
  return data;
}

/// Japanese and Korean texts have Chinese characters, which their own data know.
bool is_covered(const Script& script, const std::set<std::string>& codes) {
  const bool is_chinese = std::string(script.codes.front()) == "Hani";
  return is_chinese && (codes.count("Hira") + codes.count("Kana") + codes.count("Hang")) > 0;
}

/// For texts of digits and punctuation alone: any data.
TextData data_of_signs(const std::string& text, const std::set<std::string>& installed) {
  TextData data;
  for (const char* name : {"eng", "fra", "Latin", "script/Latin"}) {
    if (installed.count(name) != 0) {
      data.languages = {name};
      return data;
    }
  }
  fail_at(ErrorCode::kUnsupported,
          {"", "verify"},
          "verify needs Tesseract's data \"eng\" to read the text \"",
          text,
          "\": install the package tesseract-ocr-eng");
}

}  // namespace

TextData data_for(const std::string& text, const std::set<std::string>& installed) {
  const auto codes = text::scripts_of(text);
  if (codes.empty()) {
    const auto points = text::code_points(text);
    const bool is_readable = std::any_of(points.begin(), points.end(), [](const auto& point) {
      return point.value > U' ' && point.value < U'\x7f';
    });
    return is_readable ? data_of_signs(text, installed) : TextData();
  }
  TextData data;
  std::size_t known = 0;
  for (const auto& script : scripts()) {
    const bool is_used = std::any_of(script.codes.begin(), script.codes.end(), [&](auto code) {
      return codes.count(code) != 0;
    });
    if (!is_used) continue;
    for (const std::string code : script.codes) known += codes.count(code);
    if (is_covered(script, codes)) continue;
    const auto of_script = data_of_script(text, script, installed);
    data.unknown_letters.insert(of_script.unknown_letters.begin(), of_script.unknown_letters.end());
    if (data.languages.empty()) {
      data.languages = of_script.languages;
      continue;
    }
    // Texts in several scripts are read with the first choice of each.
    for (auto& languages : data.languages) languages += "+" + of_script.languages.front();
  }
  // A script without data makes the whole text unreadable.
  if (known < codes.size()) return TextData();
  return data;
}

}  // namespace glm_image::reading
