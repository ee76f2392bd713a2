// The catalogue of messages in French fits the sources.

#include "cli/translation.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/compiled_catalogue.h"
#include "cli/message_catalogue.h"
#include "cli/message_patterns.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// The texts of a catalogue, as they stand in its file: with the escapes of C.
std::map<std::string, std::string> catalogue() {
  std::map<std::string, std::string> texts;
  std::istringstream lines(read_file(project_dir() / "po/fr.po"));
  std::string english, french;
  std::string* current = nullptr;
  const auto add = [&] {
    if (!english.empty()) texts[english] = french;
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("msgid ", 0) == 0) {
      add();
      english.clear();
      french.clear();
      current = &english;
    } else if (line.rfind("msgstr ", 0) == 0) {
      current = &french;
    }
    const auto begin = line.find('"'), end = line.rfind('"');
    if (current == nullptr || line.front() == '#' || begin == std::string::npos) continue;
    *current += line.substr(begin + 1, end - begin - 1);
  }
  add();
  return texts;
}

/// The position after a literal, of characters or a string, that begins at `at`.
std::size_t end_of_literal(const std::string& code, std::size_t at) {
  const char quote = code[at];
  for (++at; at < code.size() && code[at] != quote && code[at] != '\n'; ++at) {
    if (code[at] == '\\') ++at;
  }
  return std::min(at + 1, code.size());
}

/// Adds the paragraphs of a literal: the program looks those of a help text up one by one, and of a
/// list of examples the heading.
void add_paragraphs(const std::string& literal, std::set<std::string>& texts) {
  if (literal.empty()) return;
  texts.insert(literal);
  for (std::size_t begin = 0; begin < literal.size();) {
    const auto end = std::min(literal.find("\\n\\n", begin), literal.size());
    const auto paragraph = literal.substr(begin, end - begin);
    texts.insert(paragraph.substr(0, paragraph.find("\\n  ")));
    begin = end + 4;
  }
  texts.erase("");
}

/// The string literals of a source, with the escapes of C. Adjacent ones are one; comments and raw
/// literals are left out.
std::set<std::string> literals_of(const std::string& code) {
  std::set<std::string> literals;
  std::string literal;
  for (std::size_t at = 0; at < code.size();) {
    const char c = code[at];
    const bool follows_word =
        at > 0 && (std::isalnum(static_cast<unsigned char>(code[at - 1])) != 0);
    if (code.compare(at, 2, "//") == 0) {
      at = std::min(code.find('\n', at), code.size());
    } else if (code.compare(at, 2, "/*") == 0) {
      at = std::min(code.find("*/", at) + 2, code.size());
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (c == '"' && !(at > 0 && code[at - 1] == 'R')) {
      const auto end = end_of_literal(code, at);
      literal += code.substr(at + 1, end - at - 2);
      at = end;
    } else {
      add_paragraphs(literal, literals);
      literal.clear();
      if (c == '"') {
        const auto open = code.find('(', at);
        const auto close = ")" + code.substr(at + 1, open - at - 1) + "\"";
        at = std::min(code.find(close, open), code.size() - close.size()) + close.size();
      } else if (c == '\'' && !follows_word) {  // 1'000 is a number
        at = end_of_literal(code, at);
      } else {
        ++at;
      }
    }
  }
  add_paragraphs(literal, literals);
  return literals;
}

/// The literals of each source but the list of patterns.
std::vector<std::set<std::string>> literals_of_sources() {
  std::vector<std::set<std::string>> all;
  for (const auto& entry : fs::recursive_directory_iterator(project_dir() / "src")) {
    const auto name = entry.path().filename();
    if (name == "message_patterns.h" || (name.extension() != ".cpp" && name.extension() != ".h")) {
      continue;
    }
    all.push_back(literals_of(read_file(entry.path())));
  }
  return all;
}

/// Whether a text is a row of whole literals, with values at its places. A place at its end may
/// stand for the rest of a literal.
bool is_composed_of(const std::set<std::string>& literals, const std::string& text) {
  static const std::regex ends_with_place("%[1-9]$");
  const bool has_open_end = std::regex_search(text, ends_with_place);
  std::vector<bool> is_reached(text.size() + 1);
  is_reached[0] = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_reached[at]) continue;
    if (text[at] == '%' && at + 1 < text.size() && std::isdigit(text[at + 1]) != 0) {
      is_reached[at + 2] = true;
    }
    const auto rest = has_open_end ? text.substr(at, text.size() - 2 - at) : "";
    for (const auto& literal : literals) {
      if (text.compare(at, literal.size(), literal) == 0) is_reached[at + literal.size()] = true;
      if (!rest.empty() && literal.rfind(rest, 0) == 0) return true;
    }
  }
  return is_reached[text.size()];
}

/// Whether one of the sources has the text, whole or in pieces.
bool holds(const std::vector<std::set<std::string>>& sources, const std::string& text) {
  return std::any_of(sources.begin(), sources.end(), [&](const auto& literals) {
    return literals.count(text) != 0 || is_composed_of(literals, text);
  });
}

/// The text with another letter in its middle; empty if it has no letter there or behind.
std::string misspelt(std::string text) {
  for (auto at = text.size() / 2; at < text.size(); ++at) {
    const bool is_escape = at > 0 && text[at - 1] == '\\';
    if (is_escape || std::isalpha(static_cast<unsigned char>(text[at])) == 0) continue;
    text[at] = text[at] == 'q' ? 'z' : 'q';
    return text;
  }
  return "";
}

std::set<std::string> places_of(const std::string& text) {
  static const std::regex place("%[1-9]");
  return {std::sregex_token_iterator(text.begin(), text.end(), place),
          std::sregex_token_iterator()};
}

/// Texts of CLI11 and of the C library. What the program makes of them is tested below.
const std::set<std::string> kTextsOfLibraries = {"Print this help message and exit",
                                                 "Subcommands",
                                                 "A subcommand is required",
                                                 "%1 is required",
                                                 "%1 excludes %2",
                                                 "%1: 1 required %2 missing",
                                                 "%1 not in {%2}",
                                                 "No such file or directory",
                                                 "Permission denied",
                                                 "No space left on device",
                                                 "Read-only file system",
                                                 "File too large"};

TEST(Catalogue, HoldsTextsOfTheSources) {
  const auto texts = catalogue();
  ASSERT_GT(texts.size(), 200U);
  const auto sources = literals_of_sources();
  for (const auto& [english, french] : texts) {
    EXPECT_FALSE(french.empty()) << english;
    EXPECT_EQ(places_of(english), places_of(french)) << english;
    if (kTextsOfLibraries.count(english) != 0) continue;
    EXPECT_TRUE(holds(sources, english)) << "not in the sources: " << english;
    // A search that found this one too would miss changes of the sources.
    const auto wrong = misspelt(english);
    EXPECT_FALSE(!wrong.empty() && holds(sources, wrong)) << "found though misspelt: " << wrong;
  }
}

/// The text as a .po file quotes it.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"') result += '\\';
    result += c;
  }
  return result;
}

TEST(Catalogue, HoldsAllPatterns) {
  const auto texts = catalogue();
  for (const std::string pattern : cli::kMessagePatterns) {
    EXPECT_EQ(texts.count(quoted(pattern)), 1U) << pattern;
  }
  for (const std::string pattern : cli::kRefusalPatterns) {
    EXPECT_EQ(texts.count(quoted(pattern)), 1U) << pattern;
  }
}

TEST(MessageCatalogue, FindsTheTextsOfItsSource) {
  if (!fs::exists(compiled_catalogue())) GTEST_SKIP() << "built without gettext";
  const auto compiled = cli::MessageCatalogue::load(compiled_catalogue());
  int found = 0;
  for (const auto& [english, french] : catalogue()) {
    if (english.find('\\') != std::string::npos || french.find('\\') != std::string::npos) continue;
    EXPECT_EQ(compiled.find(english), french);
    ++found;
  }
  EXPECT_GT(found, 100);
  EXPECT_EQ(compiled.find("no such text"), "no such text");
  EXPECT_EQ(cli::MessageCatalogue().find("What to draw"), "What to draw");
}

TEST(MessageCatalogue, ADamagedFileHasNoWrongPlaces) {
  if (!fs::exists(compiled_catalogue())) GTEST_SKIP() << "built without gettext";
  const auto whole = read_file(compiled_catalogue());
  const TemporaryDirectory folder;
  const auto file = folder.path() / "damaged.mo";
  for (size_t size = 0; size < whole.size(); size += 1 + size / 8) {
    write_file(file, whole.substr(0, size));
    cli::MessageCatalogue::load(file).find("What to draw");
  }
  // Every byte of the head and of the first rows.
  for (size_t at = 0; at < 64; ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(~damaged[at]);
    write_file(file, damaged);
    cli::MessageCatalogue::load(file).find("What to draw");
  }
}

TEST(Translation, FillsPlaces) {
  EXPECT_EQ(cli::tr("%2 of %1, 100% %9 %", {"a", "b"}), "b of a, 100% %9 %");
  EXPECT_EQ(cli::tr(""), "");
  EXPECT_EQ(cli::columns_of("débruitage"), 10U);
}

}  // namespace
}  // namespace glm_image::test
