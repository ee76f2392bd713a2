#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "posters/random_stream.h"

namespace glm_image::posters {

/// What a rule may say of one thing: the poster, one text or one pictogram.
struct CaptionScope {
  std::string id;                            ///< "poster", "texts[0]", …
  std::map<std::string, std::string> words;  ///< what {name} stands for; may itself hold rules
  std::set<std::string> facts;               ///< what alternatives may ask for
};

/// Everything that a caption may speak of.
struct CaptionFacts {
  CaptionScope poster;
  std::vector<CaptionScope> texts, pictograms;
};

/// Sentences from a data file: {"rules": {"caption": [alternative, …], …}}. An alternative is a
/// text or {"say": text, "weight": 2, "if": "gradient !one_text"}. In a text, {name} is a word of
/// the scope or another rule, {text:0} is the rule `text` for the first text, {pictogram:1} the
/// rule `pictogram` for the second pictogram.
class CaptionGrammar {
 public:
  /// Throws kCorruptFile for bad data: no rule `caption`, braces that do not pair up, a name that
  /// is neither a rule nor a word, a fact or an item that there is none of.
  static CaptionGrammar load(const std::filesystem::path& file);

  /// Throws kCorruptFile when no alternative of a rule that is needed suits the facts.
  /// Adds to `says` what was said of what: "texts[0].colour", "poster.background", …
  std::string say(const CaptionFacts& facts,
                  RandomStream& random,
                  std::set<std::string>& says) const;

  /// Throws kCorruptFile unless there is a rule of this name.
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
