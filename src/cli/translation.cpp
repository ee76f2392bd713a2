#include "cli/translation.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "cli/message_catalogue.h"
#include "cli/message_patterns.h"
#include "cli/shipped_files.h"

namespace glm_image::cli {
namespace {

bool is_place(std::string_view text, std::size_t at) {
  return at + 1 < text.size() && text[at] == '%' && text[at + 1] >= '1' && text[at + 1] <= '9';
}

/// The values of %1, %2 … with which a pattern, whose places are in this order, is the sentence.
std::optional<std::vector<std::string>> values_in(std::string_view sentence,
                                                  std::string_view pattern) {
  std::vector<std::string> values;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    if (!is_place(pattern, i)) {
      if (at == sentence.size() || sentence[at] != pattern[i]) return std::nullopt;
      ++at;
      ++i;
      continue;
    }
    i += 2;
    auto next = i;
    while (next < pattern.size() && !is_place(pattern, next)) ++next;
    const auto literal = pattern.substr(i, next - i);
    // The last literal ends the sentence.
    const auto end = literal.empty()          ? sentence.size()
                     : next == pattern.size() ? sentence.rfind(literal)
                                              : sentence.find(literal, at + 1);
    if (end == std::string_view::npos || end <= at) return std::nullopt;
    values.emplace_back(sentence.substr(at, end - at));
    at = end;
  }
  if (at != sentence.size()) return std::nullopt;
  return values;
}

constexpr const char* kLocaleFolder = "share/locale";
constexpr const char* kCatalogue = "LC_MESSAGES/glm-image.mo";

/// Without translations for English.
MessageCatalogue catalogue;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// "fr" of "fr_BF.UTF-8@euro".
std::string language_of(const std::string& locale) {
  return locale.substr(0, locale.find_first_of("_.@"));
}

bool is_untranslated(const std::string& locale) {
  const auto language = language_of(locale);
  return language.empty() || language == "C" || language == "POSIX" || language == "en";
}

/// Languages that the user reads, the best first. As gettext has it, LANGUAGE lists them where the
/// locale is not C.
std::string languages_of_environment() {
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    if (locale.empty()) locale = variable(name);
  }
  if (locale.empty() || locale == "C" || locale == "POSIX") return "";
  const auto languages = variable("LANGUAGE");
  return languages.empty() ? locale : languages;
}

std::string looked_up(const std::string& text) {
  // The catalogue's header is under the empty text.
  return text.empty() ? text : catalogue.find(text);
}

constexpr std::size_t kNone = -1;

/// The translation of a sentence that has the pattern. `needed`: index of a value that must have a
/// translation too.
std::optional<std::string> translated_by(const char* pattern,
                                         const std::string& sentence,
                                         std::size_t needed = kNone) {
  const auto text = looked_up(pattern);
  if (text == pattern) return std::nullopt;
  auto values = values_in(sentence, pattern);
  if (!values) return std::nullopt;
  for (std::size_t i = 0; i < values->size(); ++i) {
    auto& value = (*values)[i];
    // Words alone are names and numbers.
    if (value.find(' ') == std::string::npos) continue;
    auto in_language = translated(value);
    if (i == needed && in_language == value) return std::nullopt;
    value = std::move(in_language);
  }
  return filled({text, std::move(*values)});
}

}  // namespace

void choose_language() {
  std::istringstream languages(languages_of_environment());
  for (std::string locale; std::getline(languages, locale, ':');) {
    if (is_untranslated(locale)) return;
    const auto language = language_of(locale);
    if (language.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) continue;
    const auto file = std::filesystem::path(language) / kCatalogue;
    const auto folder = find_shipped(kLocaleFolder, file);
    if (folder.empty()) continue;
    catalogue = MessageCatalogue::load(folder / file);
    return;
  }
}

std::string tr(const std::string& text, std::initializer_list<std::string> values) {
  return filled({looked_up(text), values});
}

std::string tr(const PatternText& text) {
  return filled({looked_up(text.pattern), text.values});
}

std::string translated(const std::string& sentence) {
  auto found = looked_up(sentence);
  if (found != sentence) return found;
  for (const char* pattern : kMessagePatterns) {
    if (auto whole = translated_by(pattern, sentence)) return *whole;
  }
  for (const char* pattern : kRefusalPatterns) {
    if (auto whole = translated_by(pattern, sentence, /*needed=*/1)) return *whole;
  }
  // "posters.jsonl:3: " and a sentence.
  const auto place = sentence.find(": ");
  if (place == std::string::npos) return sentence;
  return sentence.substr(0, place + 2) + translated(sentence.substr(place + 2));
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not a continuation byte
  }));
}

}  // namespace glm_image::cli
