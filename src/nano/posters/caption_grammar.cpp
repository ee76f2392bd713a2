#include "nano/posters/caption_grammar.h"

#include <algorithm>
#include <sstream>

#include "core/suffix.h"
#include "nano/posters/data_fields.h"
#include "nano/posters/edit_kind.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

const std::set<std::string> kWords{
    "background.masculine",
    "background.feminine",
    "background.article",
    "second.masculine",
    "second.feminine",
    "colour.masculine",
    "colour.feminine",
    "colour.masculine_plural",
    "colour.feminine_plural",
    "quoted",
    "name",
    "place",
    "style",
};
const std::set<std::string> kFacts{"gradient",
                                   "one_text",
                                   "two_texts",
                                   "no_pictogram",
                                   "one_pictogram",
                                   "two_pictograms",
                                   "one_word",
                                   "one_number",
                                   "plain"};

/// Whether a poster, or what an instruction asks for, can have the fact.
bool is_fact(const std::string& name) {
  return kFacts.count(name) > 0 || edit_kind_of(name);
}

/// Whether a rule is about a text: text, bare_text, ….
bool is_text_rule(const std::string& name) {
  return ends_with(name, "text");
}

/// A slot {…} of a template.
struct Slot {
  std::size_t begin, end;  // including the braces
  std::string name;
  int item = -1;  // 1 in {text:1}
};

/// Finds the next slot. `begin` is npos if the text has no more slots. An item is `:` and one
/// digit.
Slot next_slot(const std::string& text, std::size_t from) {
  const auto begin = text.find('{', from);
  if (begin == std::string::npos) return {begin, begin, {}, -1};
  const auto end = text.find('}', begin);
  if (end == std::string::npos) return {begin, end, {}, -1};
  Slot slot{begin, end + 1, text.substr(begin + 1, end - begin - 1), -1};
  const auto colon = slot.name.find(':');
  if (colon != std::string::npos && colon + 2 == slot.name.size()) {
    slot.item = slot.name[colon + 1] - '0';
    slot.name.resize(colon);
  }
  return slot;
}

}  // namespace

/// Generates one caption.
class CaptionGrammar::Speaker {
 public:
  Speaker(const CaptionGrammar& grammar,
          const CaptionFacts& facts,
          RandomStream& random,
          std::set<std::string>& says)
      : grammar_(grammar), facts_(facts), random_(random), says_(says) {}

  std::string say_rule(const std::string& name, const CaptionScope& scope, int depth) {
    const auto& alternatives = grammar_.rules_.at(name);
    std::vector<double> weights;
    double total = 0;
    for (const auto& alternative : alternatives) {
      weights.push_back(suits(alternative, scope) ? alternative.weight : 0);
      total += weights.back();
    }
    if (total == 0) {
      fail(ErrorCode::kCorruptFile,
           grammar_.source_,
           ": no alternative of the rule ",
           name,
           " applies to the poster");
    }
    return say_text(alternatives[random_.pick_weighted(weights)].say, scope, depth);
  }

 private:
  bool suits(const Alternative& alternative, const CaptionScope& scope) const {
    const auto holds = [&](const std::string& fact) {
      return scope.facts.count(fact) > 0 || facts_.poster.facts.count(fact) > 0;
    };
    return std::all_of(alternative.required.begin(), alternative.required.end(), holds) &&
           std::none_of(alternative.excluded.begin(), alternative.excluded.end(), holds);
  }

  std::string say_text(const std::string& text, const CaptionScope& scope, int depth) {
    constexpr int kMaxDepth = 16;
    if (depth > kMaxDepth) {
      fail(ErrorCode::kCorruptFile, grammar_.source_, ": endless recursion in ", text);
    }
    std::string said;
    std::size_t at = 0;
    for (auto slot = next_slot(text, 0); slot.begin != std::string::npos;
         slot = next_slot(text, at)) {
      said += text.substr(at, slot.begin - at) + say_slot(slot, scope, depth);
      at = slot.end;
    }
    return said + text.substr(at);
  }

  std::string say_slot(const Slot& slot, const CaptionScope& scope, int depth) {
    if (slot.item >= 0) {
      const auto& items = is_text_rule(slot.name) ? facts_.texts : facts_.pictograms;
      const auto item = static_cast<std::size_t>(slot.item);
      if (item >= items.size()) {
        fail(ErrorCode::kCorruptFile,
             grammar_.source_,
             ": {",
             slot.name,
             ":",
             item,
             "} in a caption of ",
             items.size());
      }
      return say_rule(slot.name, items[item], depth + 1);
    }
    // The texts of a poster are not templates, so their braces are kept.
    if (slot.name == "quoted" || slot.name == "name") return word(slot.name, scope);
    if (grammar_.rules_.count(slot.name) > 0) return say_rule(slot.name, scope, depth + 1);
    return say_text(word(slot.name, scope), scope, depth + 1);
  }

  const std::string& word(const std::string& name, const CaptionScope& scope) {
    for (const auto* holder : {&scope, &facts_.poster}) {
      const auto found = holder->words.find(name);
      if (found == holder->words.end()) continue;
      says_.insert(holder->id + "." + name.substr(0, name.find('.')));
      return found->second;
    }
    fail(ErrorCode::kCorruptFile, grammar_.source_, ": {", name, "} has no value here");
  }

  const CaptionGrammar& grammar_;
  const CaptionFacts& facts_;
  RandomStream& random_;
  std::set<std::string>& says_;
};

CaptionGrammar CaptionGrammar::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file).required_object("rules");
  CaptionGrammar grammar;
  grammar.source_ = fields.source();
  for (const auto& [rule, list] : fields.json().items()) {
    if (!list.is_array() || list.empty()) fields.refuse(rule, "a list of alternatives");
    for (const auto& entry : list) {
      Alternative alternative;
      if (entry.is_string()) {
        alternative.say = entry.get<std::string>();
      } else if (entry.is_object()) {
        const io::JsonFields object(entry, concat(fields.source(), ", an alternative of ", rule));
        alternative.say = object.required_string("say");
        alternative.weight = object.optional_double("weight", 1, 0.001, 1000);
        std::istringstream facts(object.optional_string("if", ""));
        for (std::string fact; facts >> fact;) {
          const bool is_excluded = fact[0] == '!';
          if (is_excluded) fact.erase(0, 1);
          if (!is_fact(fact)) object.refuse("if", "facts that posters have");
          (is_excluded ? alternative.excluded : alternative.required).push_back(fact);
        }
      } else {
        fields.refuse(rule, "a list of texts and objects");
      }
      alternative.say = text::to_nfc(alternative.say);
      grammar.rules_[rule].push_back(std::move(alternative));
    }
  }
  for (const auto* rule : {"caption", "instruction", "text", "pictogram"}) grammar.require(rule);
  for (const auto& [rule, alternatives] : grammar.rules_) {
    for (const auto& alternative : alternatives) grammar.check(rule, alternative);
  }
  return grammar;
}

void CaptionGrammar::check(const std::string& rule, const Alternative& alternative) const {
  const auto refuse = [&](const std::string& reason) {
    fail(ErrorCode::kCorruptFile,
         source_,
         ": ",
         reason,
         " in the rule ",
         rule,
         ": ",
         alternative.say);
  };
  std::size_t at = 0;
  for (auto slot = next_slot(alternative.say, 0); slot.begin != std::string::npos;
       slot = next_slot(alternative.say, at)) {
    if (slot.end == std::string::npos) refuse("an unmatched brace");
    at = slot.end;
    if (slot.item >= 0) {
      const bool is_item = is_text_rule(slot.name) || ends_with(slot.name, "pictogram");
      if (!is_item || slot.item > 1 || rules_.count(slot.name) == 0) {
        refuse("{" + slot.name + ":…} is not an item");
      }
    } else if (rules_.count(slot.name) == 0 && kWords.count(slot.name) == 0) {
      refuse("{" + slot.name + "} is neither a rule nor a word");
    }
  }
}

std::string CaptionGrammar::say(const CaptionFacts& facts,
                                RandomStream& random,
                                std::set<std::string>& says,
                                const std::string& rule) const {
  return Speaker(*this, facts, random, says).say_rule(rule, facts.poster, 0);
}

void CaptionGrammar::require(const std::string& rule) const {
  if (rules_.count(rule) == 0) fail(ErrorCode::kCorruptFile, source_, ": no rule ", rule);
}

}  // namespace glm_image::posters
