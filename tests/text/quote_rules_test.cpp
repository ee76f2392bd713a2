// Each rule of docs/quotes.md, with the examples of tests/data/quotes.json.

#include <algorithm>
#include <ctime>

#include "io/json_file.h"
#include "support/test_support.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

const char* const kQuoteRules[] = {"Outermost",
                                   "Unpaired",
                                   "Direction",
                                   "MixedHalves",
                                   "ApostrophesInsideWords",
                                   "ShortenedWords",
                                   "Units",
                                   "Languages",
                                   "Hebrew",
                                   "ScriptsWithoutSpaces",
                                   "AsciiSubstitutes",
                                   "EscapedAndDoubled",
                                   "Json",
                                   "Nfc",
                                   "NotQuotes"};

struct QuoteExample {
  std::string rule;
  std::string prompt;
  std::vector<std::string> texts;
};

std::vector<QuoteExample> quote_examples() {
  std::vector<QuoteExample> examples;
  for (const auto& example : io::read_json_file(test::data_dir() / "quotes.json")) {
    examples.push_back({example.at("rule").get<std::string>(),
                        example.at("prompt").get<std::string>(),
                        example.at("texts").get<std::vector<std::string>>()});
  }
  return examples;
}

class QuoteRule : public testing::TestWithParam<const char*> {};

TEST_P(QuoteRule, FindsTheQuotedTexts) {
  int count = 0;
  for (const auto& example : quote_examples()) {
    if (example.rule != GetParam()) continue;
    ++count;
    EXPECT_EQ(glyph_texts(example.prompt, GlyphRules::kSmart), example.texts) << example.prompt;
  }
  EXPECT_GT(count, 0);
}

INSTANTIATE_TEST_SUITE_P(Specification,
                         QuoteRule,
                         testing::ValuesIn(kQuoteRules),
                         [](const auto& rule) { return std::string(rule.param); });

TEST(QuoteRules, EveryExampleHasARuleAndEveryRuleAParagraph) {
  for (const auto& example : quote_examples()) {
    EXPECT_NE(std::find(std::begin(kQuoteRules), std::end(kQuoteRules), example.rule),
              std::end(kQuoteRules))
        << example.rule;
  }
  const auto page = test::read_file(test::project_dir() / "docs/quotes.md");
  for (const std::string rule : kQuoteRules) {
    EXPECT_NE(page.find("`" + rule + "`"), std::string::npos) << rule;
  }
}

/// Spans are in order, disjoint, inside the prompt, and longer than the text.
TEST(QuoteRules, SpansAreInOrderAndDisjoint) {
  for (const auto& example : quote_examples()) {
    std::size_t last_end = 0;
    for (const auto& found : find_glyph_texts(example.prompt, GlyphRules::kSmart)) {
      EXPECT_GE(found.begin, last_end) << example.prompt;
      EXPECT_LT(found.begin, found.end);
      last_end = found.end;
    }
    EXPECT_LE(last_end, example.prompt.size());
  }
}

/// Reference rules return the bytes of the prompt.
TEST(QuoteRules, ReferenceRulesDoNotNormalise) {
  const std::string decomposed = "E\u0301cole";
  EXPECT_EQ(glyph_texts("a \"" + decomposed + "\"", GlyphRules::kReference),
            std::vector<std::string>{decomposed});
  EXPECT_EQ(glyph_texts("a \"" + decomposed + "\"", GlyphRules::kSmart),
            std::vector<std::string>{"\u00c9cole"});
}

/// The same text in each language's quotation marks.
TEST(QuoteRules, EveryNativePairQuotesTheSame) {
  const std::pair<const char*, const char*> pairs[] = {
      {"\"", "\""}, {"“", "”"},   {"„", "“"},   {"„", "”"},   {"”", "”"},   {"”", "“"},
      {"«", "»"},   {"»", "«"},   {"»", "»"},   {"‹", "›"},   {"›", "‹"},   {"'", "'"},
      {"‘", "’"},   {"‚", "‘"},   {"‚", "’"},   {"’", "’"},   {"’", "‘"},   {"「", "」"},
      {"『", "』"}, {"《", "》"}, {"〝", "〟"}, {"＂", "＂"}, {"<<", ">>"}, {",,", "''"}};
  for (const auto& [open, close] : pairs) {
    for (const std::string text : {"OPEN", "L'été", "Ouvert 7h30", "سوق السبت", "Բաց", "春节"}) {
      const std::string prompt = concat("x ", open, text, close, " y ", open, "Z", close, ".");
      EXPECT_EQ(glyph_texts(prompt, GlyphRules::kSmart), (std::vector<std::string>{text, "Z"}))
          << prompt;
    }
  }
}

// Each position may begin a key, so a search for its end each time would take quadratic time: 13 s
// for this prompt.
TEST(QuoteRules, ManyBlanksTakeLinearTime) {
  for (const char* blank : {" ", "\n", "\t", " \n"}) {
    std::string prompt;
    while (prompt.size() < 64000) prompt += blank;
    // The processor's time: other programs do not count.
    const auto began = std::clock();
    EXPECT_EQ(glyph_texts(prompt + "\"Saaba\"", GlyphRules::kSmart),
              std::vector<std::string>{"Saaba"});
    EXPECT_LT(std::clock() - began, 2 * CLOCKS_PER_SEC);
  }
}

}  // namespace
}  // namespace glm_image::text
