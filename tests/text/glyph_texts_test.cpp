#include "text/glyph_texts.h"

#include "io/json_file.h"
#include "support/test_support.h"

namespace glm_image::text {
namespace {

using Texts = std::vector<std::string>;

struct Case {
  const char* prompt;
  Texts texts;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.prompt;
}

class SmartGlyphTexts : public testing::TestWithParam<Case> {};

TEST_P(SmartGlyphTexts, AreTheQuotedTexts) {
  EXPECT_EQ(glyph_texts(GetParam().prompt, GlyphRules::kSmart), GetParam().texts);
}

const Case kEnglish[] = {
    {"", {}},
    {"a clay pot on a wooden table", {}},
    {R"(a poster with the title "BARKA" above a tree)", {"BARKA"}},
    {R"("FIRST" and "SECOND", then "THIRD")", {"FIRST", "SECOND", "THIRD"}},
    {"a sign that says “Open 7 days”", {"Open 7 days"}},
    {"a sign that says 'Open' in red", {"Open"}},
    {"a sign that says ‘Open’.", {"Open"}},
    {"'Sale', 'New' and 'Last chance!'", {"Sale", "New", "Last chance!"}},
    {"don't, it's, we'll, I'd: nothing quoted", {}},
    {"don’t, it’s, we’ll, I’d: nothing quoted", {}},
    {"the dogs' bowl and the cats' basket", {}},
    {"James' shop with a sign 'Don't panic' over it", {"Don't panic"}},
    {"a sign ‘Don’t panic’ over it", {"Don’t panic"}},
    {R"(a "don't panic" badge)", {"don't panic"}},
    {"rock 'n roll, then 'TITLE' below", {"TITLE"}},
    {"a '90s poster of the dogs' party", {}},
    {"a badge '90s' in pink", {"90s"}},
    {"the title ('Noon') in brackets", {"Noon"}},
    {"title:'Noon'", {"Noon"}},
    {"he is 6'2 tall", {}},
    {R"(a 5"×7" photo with "HELLO" on it)", {"HELLO"}},
    {R"(a 55" screen)", {}},
    {R"(a 55" screen showing "7" and "8")", {"7", "8"}},
    {R"(the label "Open 7h30")", {"Open 7h30"}},
    {R"(one "unfinished quote)", {}},
    {"one “unfinished quote and “finished”", {"finished"}},
    {R"(an empty "" and a blank "  " quote)", {}},
    {R"(spaces inside: "  padded ")", {"padded"}},
    {R"(he said 'the "big" one')", {R"(the "big" one)"}},
    {R"(he said "the 'big' one")", {"the 'big' one"}},
    {"“outer “inner” outer”", {"outer “inner” outer"}},
    {"two lines \"ONE\nTWO\" in one quote", {"ONE\nTWO"}},
    {"'LEFT' \"MIDDLE\" «RIGHT»", {"LEFT", "MIDDLE", "RIGHT"}},
};

const Case kFrench[] = {
    {"l'affiche de l'école d'été", {}},
    {"l’affiche de l’école d’été", {}},
    {"une affiche « École de Saaba » en rouge", {"École de Saaba"}},
    {"une affiche «\u00a0École de Saaba\u00a0» en rouge", {"École de Saaba"}},
    {"une affiche «\u202fÉcole de Saaba\u202f» en rouge", {"École de Saaba"}},
    {"une affiche «École» et « L'été »", {"École", "L'été"}},
    {"l'affiche 'l'école' en bleu", {"l'école"}},
    {R"(l'affiche "l'école" en bleu)", {"l'école"}},
    {"l'enseigne d'aujourd'hui 'L'Étoile d'Or' en néon", {"L'Étoile d'Or"}},
    {"les élèves' devoirs et l'affiche 'Rentrée'", {"Rentrée"}},
    {"Affiche bleue : le titre « Marché de Ouaga » en haut, \"Ouvert 7h30\" et 'Entrée libre' en "
     "bas.",
     {"Marché de Ouaga", "Ouvert 7h30", "Entrée libre"}},
    {R"(il est écrit « dit "oui" » en bas)", {R"(dit "oui")"}},
    {"« un « deux » trois »", {"un « deux » trois"}},
    {"« sans fin et « avec fin »", {"avec fin"}},
    {"« »", {}},
    {"guillemets simples ‹ Bon › et anglais “ Bien ”", {"Bon", "Bien"}},
    // A decomposed é before the apostrophe is still a letter.
    {"cafe\u0301'noir et the\u0301'vert", {}},
};

const Case kMoore[] = {
    {"Seb-vẽnegr sẽn tar « Ne y windga » n be a zug", {"Ne y windga"}},
    {"Pʋg-sad sẽn tar seb \"Barka, wend na kõ-d beoogo\"", {"Barka, wend na kõ-d beoogo"}},
    {"M ba yaa n'a, a wa'a n'da: ka be ye", {}},
    {"Kãnga: 'Zãms-n-taare' ne ‘Yɩɩr’", {"Zãms-n-taare", "Yɩɩr"}},
    {"Roogã zug 'A tõnd n'wa' la b gʋlse", {"A tõnd n'wa"}},
};

const Case kGerman[] = {
    {"ein Plakat mit „Grüße aus Köln“ oben", {"Grüße aus Köln"}},
    {"ein Plakat mit „Grüße aus Köln” oben", {"Grüße aus Köln"}},
    {"ein Plakat mit „Grüße aus Köln\" oben und \"Ende\"", {"Grüße aus Köln", "Ende"}},
    {"ein Plakat mit »Grüße« und ›Ende‹", {"Grüße", "Ende"}},
    {"ein Plakat mit ‚Grüße‘ und „Er sagte ‚ja‘“", {"Grüße", "Er sagte ‚ja‘"}},
    {"das geht's nicht, Hans' Haus", {}},
};

const Case kChinese[] = {
    {"海报上写着「春节快乐」四个字", {"春节快乐"}},
    {"海报上写着“春节快乐”四个字", {"春节快乐"}},
    {"海报上写着\"春节快乐\"四个字", {"春节快乐"}},
    {"海报上写着'春节快乐'四个字", {"春节快乐"}},
    {"海报上写着‘春节快乐’四个字", {"春节快乐"}},
    {"海报上写着『春节快乐』和「外「内」外」", {"春节快乐", "外「内」外"}},
    {"写着2024\"新年\"的海报", {"新年"}},
    {"「未完和「完成」", {"完成"}},
};

INSTANTIATE_TEST_SUITE_P(English, SmartGlyphTexts, testing::ValuesIn(kEnglish));
INSTANTIATE_TEST_SUITE_P(French, SmartGlyphTexts, testing::ValuesIn(kFrench));
INSTANTIATE_TEST_SUITE_P(Moore, SmartGlyphTexts, testing::ValuesIn(kMoore));
INSTANTIATE_TEST_SUITE_P(German, SmartGlyphTexts, testing::ValuesIn(kGerman));
INSTANTIATE_TEST_SUITE_P(Chinese, SmartGlyphTexts, testing::ValuesIn(kChinese));

TEST(ReferenceGlyphTexts, MatchTheReferenceCases) {
  const auto cases = io::read_json_file(test::data_dir() / "tiny/cases.json");
  ASSERT_GE(cases.size(), 5U);
  for (const auto& c : cases) {
    EXPECT_EQ(glyph_texts(c.at("prompt").get<std::string>(), GlyphRules::kReference),
              c.at("glyph_texts").get<Texts>());
  }
}

/// Computed with Python's re.findall of '([^']*)', “([^“”]*)”, "([^"]*)", 「([^「」]*)」.
TEST(ReferenceGlyphTexts, FollowPythonsExpressions) {
  const Case cases[] = {
      {"l'affiche d'un été", {"affiche d"}},
      {"« rien » ‘non’", {}},
      {"'' \"\" a 'b'", {"", "b", ""}},
      {"「一」\"two\" 'three' “four”", {"three", "four", "two", "一"}},
      {"“a “b” c” “d", {"b"}},
      {"\"x' y\" z'", {" y\" z", "x' y"}},
      {"'un\ndeux'", {"un\ndeux"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(glyph_texts(c.prompt, GlyphRules::kReference), c.texts) << c.prompt;
  }
}

TEST(GlyphTexts, SpansHoldTheMarks) {
  const std::string prompt = "é « École » et 'oui'";
  const auto smart = find_glyph_texts(prompt, GlyphRules::kSmart);
  ASSERT_EQ(smart.size(), 2U);
  EXPECT_EQ(prompt.substr(smart[0].begin, smart[0].end - smart[0].begin), "« École »");
  EXPECT_EQ(prompt.substr(smart[1].begin, smart[1].end - smart[1].begin), "'oui'");
  const auto reference = find_glyph_texts(prompt, GlyphRules::kReference);
  ASSERT_EQ(reference.size(), 1U);
  EXPECT_EQ(prompt.substr(reference[0].begin, reference[0].end - reference[0].begin), "'oui'");
}

TEST(GlyphTexts, InvalidUtf8IsNamedByItsByte) {
  for (const auto rules : {GlyphRules::kSmart, GlyphRules::kReference}) {
    test::expect_error(
        ErrorCode::kInvalidInput, {"UTF-8", "byte 3"}, [&] { glyph_texts("abc\xff", rules); });
  }
}

/// A quadratic search would take hours.
TEST(GlyphTexts, AMegabyteOfMarksIsLinear) {
  const Texts units = {"'",      "\"",   "«",       "»",       "“",          "”",    "„",
                       "‘",      "’",    "「",      " '",      "a'",         "s' a", "'n' a ",
                       "5\" ",   "<<",   "<A",      "` ",      ",,a",        "''",   "ה\"",
                       "{",      "{\"",  "{\"a\":", "{'a':\"", "\n\"a\":\"", "{a:[", "\\\"",
                       "{     ", "“\"a", "着\"",    "'til' ",  "\u200f\""};
  for (const std::string& unit : units) {
    std::string prompt;
    while (prompt.size() + unit.size() < (1U << 20)) prompt += unit;
    for (const auto rules : {GlyphRules::kSmart, GlyphRules::kReference}) {
      const auto found = find_glyph_texts(prompt, rules);
      // The reference scans the prompt once for each pair of marks, so its spans are not in order.
      if (rules == GlyphRules::kReference) continue;
      for (std::size_t i = 1; i < found.size(); ++i) ASSERT_GE(found[i].begin, found[i - 1].end);
    }
  }
}

}  // namespace
}  // namespace glm_image::text
