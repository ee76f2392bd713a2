// Messages in French: the catalogue fits the sources, and the program uses it.

#include "cli/translation.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/message_catalogue.h"
#include "cli/message_patterns.h"
#include "support/program.h"
#include "support/reference.h"
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

TEST(Catalogue, HoldsAllPatterns) {
  const auto texts = catalogue();
  for (const std::string pattern : cli::kMessagePatterns) {
    EXPECT_EQ(texts.count(pattern), 1U) << pattern;
  }
}

/// The catalogue that the program reads.
fs::path compiled_catalogue() {
  return fs::path(glm_image_program()).parent_path().parent_path() /
         "share/locale/fr/LC_MESSAGES/glm-image.mo";
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

class FrenchProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(compiled_catalogue())) GTEST_SKIP() << "built without gettext";
  }
  static ProgramResult run(const std::vector<std::string>& arguments,
                           const std::vector<std::string>& variables = {"LC_ALL=fr_FR.UTF-8"}) {
    std::vector<std::string> command = {"/usr/bin/env"};
    command.insert(command.end(), variables.begin(), variables.end());
    command.push_back(glm_image_program());
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_program(command);
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    return result.err;
  }
};

/// Words with single spaces between them: versions of CLI11 break lines differently.
std::string words_of(const std::string& text) {
  std::istringstream stream(text);
  std::string words;
  for (std::string word; stream >> word;) words += word + ' ';
  return words;
}

TEST_F(FrenchProgram, HelpsInFrench) {
  // fr_FR.UTF-8 need not be generated on the machine.
  for (const std::vector<std::string>& variables :
       {std::vector<std::string>{"LC_ALL=fr_FR.UTF-8"},
        std::vector<std::string>{"LC_ALL=", "LANG=fr_BF.UTF-8"},
        std::vector<std::string>{"LC_ALL=C.UTF-8", "LANGUAGE=fr"},
        std::vector<std::string>{"LC_ALL=mos_BF.UTF-8", "LANGUAGE=mos:fr_BF"}}) {
    const auto help = run({"generate", "--help"}, variables);
    EXPECT_EQ(help.exit_code, 0);
    for (const char* part : {"Dessiner des images d'après une demande ",
                             "glm-image generate [OPTIONS]",
                             "Ce qu'il faut dessiner",
                             "Exemples : glm-image generate --prompt 'A dark green"}) {
      EXPECT_NE(words_of(help.out).find(part), std::string::npos) << variables[0] << '\n'
                                                                  << help.out;
    }
  }
  const auto training = run({"train", "--help"});
  for (const char* part : {"Partie : vocabulary, vae", "donne les clés", "arrêté ou tué"}) {
    EXPECT_NE(words_of(training.out).find(part), std::string::npos) << training.out;
  }
  const auto overview = run({"--help"});
  for (const char* part : {"Commandes:", "Vérifier cette machine", "donne les options d'une"}) {
    EXPECT_NE(words_of(overview.out).find(part), std::string::npos) << overview.out;
  }
  for (const std::vector<std::string>& variables :
       {std::vector<std::string>{"LC_ALL=C", "LANGUAGE=fr"},
        std::vector<std::string>{"LC_ALL=en_GB.UTF-8"},
        std::vector<std::string>{"LC_ALL=fr_FR.UTF-8", "LANGUAGE=en:fr"},
        std::vector<std::string>{"LC_ALL=../fr_FR.UTF-8"},
        std::vector<std::string>{"LC_ALL=mos_BF.UTF-8"}}) {
    const auto help = run({"generate", "--help"}, variables);
    EXPECT_NE(help.out.find("What to draw"), std::string::npos) << help.out;
  }
}

TEST_F(FrenchProgram, DescribesItsCommandsInFrench) {
  for (const std::string command : {"generate",
                                    "edit",
                                    "batch",
                                    "info",
                                    "metadata",
                                    "quantize",
                                    "self-test",
                                    "merge",
                                    "serve",
                                    "train",
                                    "data",
                                    "export",
                                    "evaluate"}) {
    const auto english = run({command, "--help"}, {"LC_ALL=C"}).out;
    const auto french = run({command, "--help"}).out;
    EXPECT_NE(english.substr(0, english.find('\n')), french.substr(0, french.find('\n')));
  }
  for (const std::string command : {"worker", "plan"}) {
    const auto english = run({command, "--help"}, {"LC_ALL=C"});
    if (english.exit_code != 0) continue;  // built without Gloo
    const auto french = run({command, "--help"}).out;
    for (const char* part : {"Lend this", "Predict how", "All machines need", "The prediction"}) {
      EXPECT_EQ(french.find(part), std::string::npos) << french;
    }
  }
}

/// The lines of a help text before its examples that are sentences: with four words or more.
std::set<std::string> sentences_of(const std::string& help) {
  std::set<std::string> sentences;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("Example", 0) == 0 || line.rfind("Exemple", 0) == 0) break;
    std::istringstream stream(line);
    int words = 0;
    for (std::string word; stream >> word;) {
      words += std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    }
    if (words >= 4) sentences.insert(words_of(line));
  }
  return sentences;
}

TEST_F(FrenchProgram, HelpsWithAllOptionsInFrench) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"generate"},
                                             {"edit"},
                                             {"batch"},
                                             {"info"},
                                             {"metadata"},
                                             {"quantize"},
                                             {"merge"},
                                             {"serve"},
                                             {"train"},
                                             {"train", "lora"},
                                             {"data", "check"},
                                             {"export"},
                                             {"evaluate"},
                                             {"worker"},
                                             {"plan"},
                                             {"self-test"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    const auto english = run(arguments, {"LC_ALL=C"});
    if (english.exit_code != 0) continue;  // built without it
    const auto untranslated = sentences_of(english.out);
    EXPECT_FALSE(untranslated.empty()) << english.out;
    for (const auto& sentence : sentences_of(run(arguments).out)) {
      EXPECT_EQ(untranslated.count(sentence), 0U) << command.back() << ": " << sentence;
    }
  }
}

TEST_F(FrenchProgram, RefusesInFrench) {
  const auto model = tiny_model_dir().string();
  EXPECT_EQ(refusal({"genrate"}),
            "glm-image: « genrate » n'est pas une commande ; vouliez-vous dire `glm-image "
            "generate` ? (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--cfg-scale", "7"}),
            "glm-image: generate n'a pas de --cfg-scale : donnez --guidance X (voir glm-image "
            "generate --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--size", "big"}),
            "glm-image: --size doit être LARGEURxHAUTEUR, comme 1024x768 ; trouvé : « big »\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--steps", "0"}),
            "glm-image: --steps : doit être un nombre entier de 1 à 1000 ; trouvé : 0 (voir "
            "--help)\n");
  EXPECT_EQ(refusal({"generate", "--prompt"}),
            "glm-image: --prompt : il manque une valeur (TEXT) (voir --help)\n");
  EXPECT_EQ(refusal({"edit", "-p", "x"}), "glm-image: --image est obligatoire (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--seed", "1", "--seed", "2"}),
            "glm-image: --seed est donné 2 fois ; donnez-le une seule fois (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "--model", model, "-p", " "}),
            "glm-image: la demande est vide ; dites ce qu'il faut dessiner\n");
  EXPECT_EQ(refusal({"generate", "--model", model, "-p", "x", "-o", "/no/such/a.png"}),
            "glm-image: /no/such/a.png : ne peut pas être écrit : dossier /no/such : Aucun fichier "
            "ou dossier de ce nom\n");
  EXPECT_EQ(refusal({"generate", "--model", "/no/model", "-p", "x"}),
            "glm-image: /no/model : n'est pas un dossier avec un modèle GLM-Image\n");
  // A line of a batch: the sentence behind its place.
  const TemporaryDirectory folder;
  const auto file = (folder.path() / "b.jsonl").string();
  write_file(file, R"({"prompt": "x", "loras": [{"name": "ink"}]})");
  const auto line = refusal({"batch", file, "-o", folder.path().string(), "--model", model});
  EXPECT_EQ(line.rfind("glm-image: " + file + ":1: loras : 'ink' n'est ni dans le dossier", 0), 0U)
      << line;
  // Without a translation it is English.
  EXPECT_EQ(refusal({"generate", "-p", "x", "--guidance-interval", "x"}),
            "glm-image: --guidance-interval must be two numbers A:B, like 0:0.6; found 'x'\n");
}

TEST_F(FrenchProgram, WarnsInFrenchAndReportsInEnglish) {
  const TemporaryDirectory folder;
  const std::vector<std::string> draw = {"generate",
                                         "--model",
                                         tiny_model_dir().string(),
                                         "-p",
                                         "a pot",
                                         "--size",
                                         "64x64",
                                         "--steps",
                                         "1",
                                         "--json",
                                         "-o",
                                         (folder.path() / "a.png").string()};
  const auto result = run(draw);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err.rfind("avertissement : la taille 64x64 est loin de celles", 0), 0U)
      << result.err;
  const auto json = nlohmann::json::parse(result.out);
  const auto warning = json["warnings"][0].get<std::string>();
  EXPECT_EQ(warning.rfind("the size 64x64 is far from", 0), 0U) << warning;
  EXPECT_EQ(json["stages"][0]["stage"], "reading weights");
}

}  // namespace
}  // namespace glm_image::test
