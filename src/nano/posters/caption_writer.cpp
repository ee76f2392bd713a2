#include "nano/posters/caption_writer.h"

#include <algorithm>

#include "nano/posters/letter_case.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

struct Marks {
  const char* open;
  const char* close;
  double french, english;  // relative frequencies
  bool is_single;
};

const std::vector<Marks>& marks() {
  static const std::vector<Marks> kMarks{
      {"« ", " »", 4, 0.3, false},
      {"«\u00A0", "\u00A0»", 2, 0.1, false},
      {"«", "»", 1, 0.2, false},
      {"\"", "\"", 2.5, 4, false},
      {"“", "”", 2, 4, false},
      {"'", "'", 0.7, 1.5, true},
      {"‘", "’", 0.2, 0.7, true},
      {"„", "“", 0.1, 0.1, false},
  };
  return kMarks;
}

bool has_apostrophe(const std::string& text) {
  return text.find('\'') != std::string::npos || text.find("’") != std::string::npos;
}

std::string quote(const std::string& text, const Marks& marks) {
  return marks.open + text + marks.close;
}

void add_colour(CaptionScope& scope, const std::string& prefix, const ColourName& name) {
  scope.words[prefix + ".masculine"] = name.masculine;
  scope.words[prefix + ".feminine"] = name.feminine;
  scope.words[prefix + ".masculine_plural"] = name.masculine_plural;
  scope.words[prefix + ".feminine_plural"] = name.feminine_plural;
  // "an orange poster".
  const bool starts_with_vowel =
      !name.masculine.empty() && std::string("aeio").find(name.masculine[0]) != std::string::npos;
  scope.words[prefix + ".article"] = starts_with_vowel ? "an" : "a";
}

class CaptionWriter {
 public:
  /// `instruction`: the facts of an instruction; null for a caption.
  CaptionWriter(const PosterData& data,
                const Scene& scene,
                const std::set<std::string>* instruction,
                bool is_french,
                RandomStream& random)
      : data_(data),
        scene_(scene),
        instruction_(instruction),
        is_french_(is_french),
        random_(random) {}

  Caption write() {
    CaptionFacts facts{poster(), {}, {}};
    const auto& marks = choose_marks();
    for (const auto& item : scene_.texts) facts.texts.push_back(text(item, marks));
    for (const auto& item : scene_.pictograms) facts.pictograms.push_back(pictogram(item));
    for (std::size_t i = 0; i < facts.texts.size(); ++i) {
      facts.texts[i].id = concat("texts[", i, "]");
    }
    for (std::size_t i = 0; i < facts.pictograms.size(); ++i) {
      facts.pictograms[i].id = concat("pictograms[", i, "]");
    }
    const auto& grammar = is_french_ ? data_.french : data_.english;
    Caption caption;
    caption.text =
        grammar.say(facts, random_, caption.says, instruction_ ? "instruction" : "caption");
    if (random_.chance(0.8)) caption.text = with_capital(caption.text);
    if (random_.chance(0.4)) caption.text += ".";
    return caption;
  }

 private:
  const ColourName& colour_name(const Colour& colour) {
    const auto* named = data_.palette.find(colour.id);
    if (named == nullptr) fail(ErrorCode::kInvalidInput, "no colour is called ", colour.id);
    return random_.pick(is_french_ ? named->french : named->english);
  }

  const Marks& choose_marks() {
    const bool apostrophes =
        std::any_of(scene_.texts.begin(), scene_.texts.end(), [](const TextItem& item) {
          return has_apostrophe(item.text);
        });
    std::vector<double> weights;
    for (const auto& candidate : marks()) {
      const double weight = is_french_ ? candidate.french : candidate.english;
      weights.push_back(candidate.is_single && apostrophes ? 0 : weight);
    }
    return marks()[random_.pick_weighted(weights)];
  }

  CaptionScope poster() {
    CaptionScope scope;
    scope.id = "poster";
    add_colour(scope, "background", colour_name(scene_.background.first));
    if (instruction_ != nullptr) {
      scope.facts = *instruction_;
      return scope;
    }
    if (scene_.background.second) {
      add_colour(scope, "second", colour_name(*scene_.background.second));
      scope.facts.insert("gradient");
    }
    scope.facts.insert(scene_.texts.size() == 1 ? "one_text" : "two_texts");
    static const char* const kPictogramFacts[] = {
        "no_pictogram", "one_pictogram", "two_pictograms"};
    scope.facts.insert(kPictogramFacts[std::min<std::size_t>(scene_.pictograms.size(), 2)]);
    return scope;
  }

  CaptionScope text(const TextItem& item, const Marks& marks) {
    CaptionScope scope;
    add_colour(scope, "colour", colour_name(item.colour));
    scope.words["quoted"] = quote(item.text, marks);
    scope.words["place"] = concat("{place.", place_name(item.place), "}");
    scope.words["style"] = concat("{style.", item.style, "}");
    if (item.style == "plain") scope.facts.insert("plain");
    if (item.text.find_first_of("0123456789") != std::string::npos) {
      scope.facts.insert("one_number");
    } else if (item.text.find_first_of(" &/,") == std::string::npos) {
      scope.facts.insert("one_word");
    }
    return scope;
  }

  CaptionScope pictogram(const PictogramItem& item) {
    CaptionScope scope;
    const auto& pictogram = data_.pictograms.named(item.id);
    scope.words["name"] = random_.pick(is_french_ ? pictogram.french : pictogram.english);
    scope.words["place"] = concat("{place.", place_name(item.place), "}");
    return scope;
  }

  const PosterData& data_;
  const Scene& scene_;
  const std::set<std::string>* instruction_;
  bool is_french_;
  RandomStream& random_;
};

/// Words a caption until it quotes `texts` and no others: a text may clash with the sentence's own
/// quotation marks, or the sentence may be too long.
Caption write_quoting(const PosterData& data,
                      const Scene& scene,
                      const std::set<std::string>* instruction,
                      const std::vector<std::string>& texts,
                      RandomStream& random) {
  constexpr int kAttempts = 100;
  constexpr int kMaxWords = 55;
  const bool is_french = random.chance(0.5);
  for (int i = 0; i < kAttempts; ++i) {
    auto caption = CaptionWriter(data, scene, instruction, is_french, random).write();
    const auto spaces = std::count(caption.text.begin(), caption.text.end(), ' ');
    if (spaces < kMaxWords && text::glyph_texts(caption.text, text::GlyphRules::kSmart) == texts) {
      return caption;
    }
  }
  fail(ErrorCode::kInvalidInput, "no caption quotes the texts of the scene unchanged");
}

}  // namespace

Caption write_caption(const PosterData& data, const Scene& scene, RandomStream& random) {
  std::vector<std::string> texts;
  for (const auto& item : scene.texts) texts.push_back(item.text);
  return write_quoting(data, scene, /*instruction=*/nullptr, texts, random);
}

Caption write_instruction(const PosterData& data,
                          const Scene& subjects,
                          const std::set<std::string>& facts,
                          const std::vector<std::string>& quoted,
                          RandomStream& random) {
  return write_quoting(data, subjects, &facts, quoted, random);
}

}  // namespace glm_image::posters
