#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/random_stream.h"

namespace glm_image::posters {

/// The subject of a rule: the poster, a text or a pictogram.
struct CaptionScope {
  std::string id;  ///< "poster", "texts[0]", …
  std::map<std::string, std::string>
      words;                    ///< replacements of {name}; they may contain slots themselves
  std::set<std::string> facts;  ///< facts that alternatives may require
};

/// The facts about a scene that its caption may mention.
struct CaptionFacts {
  CaptionScope poster;
  std::vector<CaptionScope> texts, pictograms;
};

/// Generates captions from a data file: {"rules": {"caption": [alternative, …], …}}. An alternative
/// is a text or {"say": text, "weight": 2, "if": "gradient !one_text"}. In a text, {name} is a word
/// of the scope or another rule. {text:0} is the rule `text` for the first text, and {pictogram:1}
/// the rule `pictogram` for the second pictogram. All rules whose names end in these words are
/// about such items.
class CaptionGrammar {
 public:
  /// Throws kCorruptFile if the rules `caption` or `instruction` are missing or braces do not
  /// match. Throws it also for a name that is neither a rule nor a word, and for an unknown fact or
  /// item.
  static CaptionGrammar load(const std::filesystem::path& file);

  /// Returns a caption and adds what it mentions to `says`: "texts[0].colour", "poster.background",
  /// …. With the rule "instruction": an instruction to change a picture (edits.h). Throws
  /// kCorruptFile if no alternative of a required rule matches the facts.
  std::string say(const CaptionFacts& facts,
                  RandomStream& random,
                  std::set<std::string>& says,
                  const std::string& rule = "caption") const;

  /// Throws kCorruptFile if the rule does not exist.
  void require(const std::string& rule) const;

 private:
  struct Alternative {
    std::string say;
    double weight = 1;
    std::vector<std::string> required, excluded;
  };
  class Speaker;

  void check(const std::string& rule, const Alternative& alternative) const;

  std::string source_;
  std::map<std::string, std::vector<Alternative>> rules_;
};

}  // namespace glm_image::posters
