#include "text/tokenizer_file.h"

#include <algorithm>

#include "io/json_file.h"
#include "io/shown.h"
#include "text/byte_alphabet.h"
#include "text/special_token_name.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

using io::Json;
using io::JsonFields;

constexpr std::size_t kMostSteps = 16;

/// Returns the objects of a list of at most `most`, whose messages contain their index. Each object
/// is copied, so their number is limited first.
std::vector<JsonFields> elements(const JsonFields& parent,
                                 const std::string& name,
                                 std::size_t most) {
  if (!parent.has(name) || !parent.json().at(name).is_array() ||
      parent.json().at(name).size() > most) {
    parent.refuse(name, concat("a list of at most ", most, " elements"));
  }
  const Json& list = parent.json().at(name);
  std::vector<JsonFields> result;
  result.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    result.emplace_back(list[i], concat(parent.source(), ": ", name, "[", i, "]"));
  }
  return result;
}

bool parse_normalizer(const JsonFields& file) {
  const auto normalizer = file.optional_object("normalizer");
  if (!normalizer) return false;
  const auto type = normalizer->required_string("type");
  if (type != "NFC") normalizer->refuse("type", "\"NFC\"", ErrorCode::kUnsupported);
  return true;
}

SplitRegex parse_pre_tokenizer(const JsonFields& file) {
  const auto sequence = file.required_object("pre_tokenizer");
  const auto unsupported = [&] {
    sequence.refuse("pretokenizers",
                    "a Split by a regular expression, then a ByteLevel",
                    ErrorCode::kUnsupported);
  };
  if (sequence.required_string("type") != "Sequence") {
    sequence.refuse("type", "\"Sequence\"", ErrorCode::kUnsupported);
  }
  const auto steps = elements(sequence, "pretokenizers", kMostSteps);
  if (steps.size() != 2) unsupported();
  if (steps[0].required_string("type") != "Split") unsupported();
  if (steps[1].required_string("type") != "ByteLevel") unsupported();

  // "invert" can be ignored: it swaps matches and gaps, which "Isolated" treats alike.
  if (steps[0].required_string("behavior") != "Isolated") {
    steps[0].refuse("behavior", "\"Isolated\"", ErrorCode::kUnsupported);
  }
  // Hugging Face's defaults are true for both, so neither may be absent.
  for (const char* const option : {"add_prefix_space", "use_regex"}) {
    if (steps[1].optional_bool(option, true)) {
      steps[1].refuse(option, "false", ErrorCode::kUnsupported);
    }
  }
  const auto pattern = steps[0].required_object("pattern");
  if (!pattern.has("Regex")) pattern.refuse("Regex", "present", ErrorCode::kUnsupported);
  return SplitRegex(pattern.required_string("Regex"), file.source());
}

/// Accepts post-processors that add no token: ByteLevel (offsets only), a template of the text
/// alone.
void check_post_processor(const JsonFields& processor) {
  const auto type = processor.required_string("type");
  if (type == "ByteLevel") return;
  if (type == "Sequence") {
    for (const auto& step : elements(processor, "processors", kMostSteps)) {
      check_post_processor(step);
    }
    return;
  }
  if (type != "TemplateProcessing") {
    processor.refuse("type", "\"ByteLevel\" or \"TemplateProcessing\"", ErrorCode::kUnsupported);
  }
  const auto single = elements(processor, "single", kMostSteps);
  if (single.size() != 1 || !single[0].has("Sequence")) {
    processor.refuse("single", "the text alone, without special tokens", ErrorCode::kUnsupported);
  }
}

class ModelParser {
 public:
  ModelParser(const JsonFields& file, TokenizerFile& result)
      : file_(file), model_(file.required_object("model")), result_(result) {}

  void parse() {
    model_.supports_only("type", "BPE");
    model_.supports_only("dropout", 0);
    model_.supports_only("continuing_subword_prefix", "");
    model_.supports_only("end_of_word_suffix", "");
    result_.ignore_merges = model_.optional_bool("ignore_merges", false);
    parse_vocabulary();
    parse_byte_ids();
    parse_merges();
    parse_added_tokens();
  }

 private:
  /// Sets the token of an id. A token may occur twice: in the vocabulary and among the added ones.
  void claim(int64_t id, const std::string& token) {
    auto& tokens = result_.token_by_id;
    if (token.empty()) {
      fail(ErrorCode::kCorruptFile, file_.source(), ": the token of id ", id, " is empty");
    }
    if (static_cast<std::size_t>(id) >= tokens.size()) tokens.resize(id + 1);
    if (!tokens[id].empty() && tokens[id] != token) {
      fail(ErrorCode::kCorruptFile,
           file_.source(),
           ": id ",
           id,
           " belongs to two tokens, ",
           io::shown_name(tokens[id]),
           " and ",
           io::shown_name(token));
    }
    tokens[id] = token;
  }

  void parse_vocabulary() {
    const auto vocabulary = model_.required_object("vocab");
    std::vector<Vocabulary::Entry> entries;
    entries.reserve(vocabulary.json().size());
    for (const auto& [token, id_value] : vocabulary.json().items()) {
      // Not required_int64, whose message would contain the whole token.
      if (!id_value.is_number_integer() || id_value < 0 || id_value >= kMaxVocabularySize) {
        fail(ErrorCode::kCorruptFile,
             file_.source(),
             ": model.vocab must give token ",
             io::shown_name(token),
             " an id from 0 to ",
             kMaxVocabularySize - 1);
      }
      const auto id = id_value.get<int32_t>();
      claim(id, token);
      entries.push_back({token, id});
    }
    result_.vocabulary = Vocabulary(std::move(entries));
  }

  void parse_byte_ids() {
    for (int byte = 0; byte < 256; ++byte) {
      const char text = static_cast<char>(byte);
      const auto token = to_byte_alphabet({&text, 1});
      const auto id = result_.vocabulary.id_of(token);
      const bool in_utf8 = byte != 0xC0 && byte != 0xC1 && byte < 0xF5;
      if (!id && in_utf8) {
        fail(ErrorCode::kCorruptFile,
             file_.source(),
             ": model.vocab has no token ",
             io::shown_name(token),
             " for the single byte ",
             byte);
      }
      result_.byte_ids[byte] = id.value_or(-1);
    }
  }

  void parse_merges() {
    if (!model_.has("merges") || !model_.json().at("merges").is_array()) {
      model_.refuse("merges", "a list");
    }
    std::vector<BpeMerges::Merge> merges;
    const Json& list = model_.json().at("merges");
    merges.reserve(list.size());
    for (const Json& merge : list) {
      const auto [left, right] = merge_parts(merge, merges.size());
      merges.push_back({merge_id(left, merges.size()),
                        merge_id(right, merges.size()),
                        merge_id(left + right, merges.size())});
    }
    result_.merges = BpeMerges(merges);
  }

  /// Parses a merge: "a b" in older files, ["a", "b"] in newer ones.
  std::pair<std::string, std::string> merge_parts(const Json& merge, std::size_t index) const {
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const auto space = text.find(' ');
      if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
        return {text.substr(0, space), text.substr(space + 1)};
      }
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    }
    fail(ErrorCode::kCorruptFile,
         file_.source(),
         ": model.merges[",
         index,
         "] must be two tokens, \"a b\" or [\"a\", \"b\"]");
  }

  int32_t merge_id(const std::string& token, std::size_t index) const {
    const auto id = result_.vocabulary.id_of(token);
    if (!id) {
      fail(ErrorCode::kCorruptFile,
           file_.source(),
           ": model.merges[",
           index,
           "] names token ",
           io::shown_name(token),
           ", which is not in model.vocab");
    }
    return *id;
  }

  void parse_added_tokens() {
    if (!file_.has("added_tokens")) return;
    std::vector<AddedTokens::Token> raw;
    std::vector<AddedTokens::Token> normalized;
    for (const auto& fields : elements(file_, "added_tokens", kMaxVocabularySize)) {
      const auto id = fields.required_int64("id", 0, kMaxVocabularySize - 1);
      auto content = fields.required_string("content");
      require_plain_token(fields);
      claim(id, content);
      if (const auto other = result_.vocabulary.id_of(content); other && *other != id) {
        fields.refuse("id", concat(*other, " as in model.vocab"));
      }
      if (fields.optional_bool("normalized", true)) {
        if (result_.normalizes_to_nfc) content = to_nfc(content);
        normalized.push_back({std::move(content), id});
      } else {
        raw.push_back({std::move(content), id});
      }
    }
    result_.raw_tokens = unique_tokens(std::move(raw));
    result_.normalized_tokens = unique_tokens(std::move(normalized));
  }

  AddedTokens unique_tokens(std::vector<AddedTokens::Token> tokens) const {
    std::vector<std::string_view> contents;
    contents.reserve(tokens.size());
    for (const auto& token : tokens) contents.push_back(token.content);
    std::sort(contents.begin(), contents.end());
    const auto repeated = std::adjacent_find(contents.begin(), contents.end());
    if (repeated != contents.end()) {
      fail(ErrorCode::kCorruptFile,
           file_.source(),
           ": added_tokens holds ",
           io::shown_name(std::string(*repeated)),
           " twice");
    }
    return AddedTokens(std::move(tokens));
  }

  const JsonFields& file_;
  JsonFields model_;
  TokenizerFile& result_;
};

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& source) {
  const JsonFields file(io::parse_json(json, source), source);
  TokenizerFile result;
  result.source = source;
  result.normalizes_to_nfc = parse_normalizer(file);
  result.split.emplace(parse_pre_tokenizer(file));
  if (const auto processor = file.optional_object("post_processor")) {
    check_post_processor(*processor);
  }
  ModelParser(file, result).parse();
  return result;
}

}  // namespace glm_image::text
