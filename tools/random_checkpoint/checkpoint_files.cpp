#include "random_checkpoint/checkpoint_files.h"

#include <array>

#include "core/error.h"
#include "text/byte_alphabet.h"

namespace glm_image::random_checkpoint {
namespace {

struct SpecialToken {
  const char* content;
  bool special;  ///< omitted from decoded text
};

/// In the order of their ids, beginning at the text_config's pad_token_id.
constexpr std::array<SpecialToken, 23> kSpecialTokens = {{{"<|endoftext|>", true},
                                                          {"[MASK]", true},
                                                          {"[gMASK]", true},
                                                          {"[sMASK]", true},
                                                          {"<sop>", true},
                                                          {"<eop>", true},
                                                          {"<|system|>", true},
                                                          {"<|user|>", true},
                                                          {"<|assistant|>", true},
                                                          {"<|observation|>", true},
                                                          {"<|begin_of_image|>", true},
                                                          {"<|end_of_image|>", true},
                                                          {"<|begin_of_video|>", true},
                                                          {"<|end_of_video|>", true},
                                                          {"<|image|>", true},
                                                          {"<|video|>", true},
                                                          {"<think>", false},
                                                          {"</think>", false},
                                                          {"<answer>", true},
                                                          {"</answer>", false},
                                                          {"<|begin_of_box|>", false},
                                                          {"<|end_of_box|>", false},
                                                          {"<|sep|>", false}}};
constexpr std::size_t kAdditionalSpecialTokens = 16;

constexpr const char* kSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr int64_t kBytes = 256;
constexpr int64_t kExtraIds = 125, kFirstExtraId = 259;

std::string visual_token(int64_t id) {
  return concat("<|dit_token_", id, "|>");
}

nlohmann::ordered_json token_fields(const std::string& content, bool strips, bool special) {
  return {{"content", content},
          {"lstrip", strips},
          {"normalized", strips},
          {"rstrip", strips},
          {"single_word", false},
          {"special", special}};
}

nlohmann::json byte_level(bool with_space, bool with_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", with_space},
          {"trim_offsets", true},
          {"use_regex", with_regex}};
}

std::string byte_token(int64_t byte) {
  const char character = static_cast<char>(byte);
  return text::to_byte_alphabet({&character, 1});
}

}  // namespace

void apply_changes(ConfigFiles& configs,
                   const nlohmann::ordered_json& changes,
                   const std::string& source) {
  if (!changes.is_object()) {
    fail(ErrorCode::kInvalidInput, source, ": must be an object of changes by file");
  }
  for (const auto& [path, change] : changes.items()) {
    const auto found = configs.find(path);
    if (found == configs.end()) {
      std::string known;
      for (const auto& [name, config] : configs) known += (known.empty() ? "" : ", ") + name;
      fail(ErrorCode::kInvalidInput, source, ": '", path, "' must be one of ", known);
    }
    if (!change.is_object()) {
      fail(ErrorCode::kInvalidInput, source, ": the changes of ", path, " must be an object");
    }
    found->second.merge_patch(change);
  }
}

void set_layers(ConfigFiles& configs, int64_t layers) {
  auto& vision_language = configs.at("vision_language_encoder/config.json");
  vision_language["text_config"]["num_hidden_layers"] = layers;
  vision_language["vision_config"]["depth"] = layers;
  configs.at("text_encoder/config.json")["num_layers"] = layers;
  configs.at("transformer/config.json")["num_layers"] = layers;
}

nlohmann::json make_tokenizer(const nlohmann::ordered_json& vision_language_config) {
  using Json = nlohmann::json;
  const auto& text_config = vision_language_config.at("text_config");
  const auto visual_tokens = text_config.at("vision_vocab_size").get<int64_t>();
  const auto first_special = text_config.at("pad_token_id").get<int64_t>();
  const int64_t first_merge = visual_tokens + kBytes;
  const int64_t most_merges = kBytes * kBytes + kBytes * kBytes * kBytes;
  if (first_special < first_merge || first_special > first_merge + most_merges) {
    fail(ErrorCode::kInvalidInput,
         "text_config.pad_token_id must be from ",
         first_merge,
         " (the visual tokens and the bytes) to ",
         first_merge + most_merges,
         "; found ",
         first_special);
  }

  Json vocabulary = Json::object(), merges = Json::array(), added = Json::array();
  for (int64_t id = 0; id < visual_tokens; ++id) vocabulary[visual_token(id)] = id;
  for (int64_t byte = 0; byte < kBytes; ++byte) {
    vocabulary[byte_token(byte)] = visual_tokens + byte;
  }
  for (int64_t merge = 0; merge < first_special - first_merge; ++merge) {
    // Pairs of bytes first, then each pair with one more byte.
    const int64_t bytes = merge < kBytes * kBytes ? merge : merge - kBytes * kBytes;
    std::string left = byte_token(bytes / kBytes % kBytes);
    if (merge >= kBytes * kBytes) left.insert(0, byte_token(bytes / (kBytes * kBytes)));
    const auto right = byte_token(bytes % kBytes);
    vocabulary[left + right] = first_merge + merge;
    merges.push_back({left, right});
  }
  int64_t id = first_special;
  for (const auto& token : kSpecialTokens) {
    auto fields = Json(token_fields(token.content, /*strips=*/false, token.special));
    fields["id"] = id++;
    added.push_back(fields);
  }

  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", kSplitPattern}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              byte_level(/*with_space=*/false, /*with_regex=*/false)}}}},
          {"post_processor", nullptr},
          {"decoder", byte_level(/*with_space=*/true, /*with_regex=*/true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", true},
            {"vocab", vocabulary},
            {"merges", merges}}}};
}

nlohmann::ordered_json make_tokenizer_config(const nlohmann::ordered_json& vision_language_config) {
  using Json = nlohmann::ordered_json;
  auto id = vision_language_config.at("text_config").at("pad_token_id").get<int64_t>();
  Json decoder = Json::object(), additional = Json::array();
  for (const auto& token : kSpecialTokens) {
    if (additional.size() < kAdditionalSpecialTokens) additional.push_back(token.content);
    decoder[std::to_string(id++)] = token_fields(token.content, /*strips=*/false, token.special);
  }
  const auto start = visual_token(vision_language_config.at("image_start_token_id").get<int64_t>());
  const auto end = visual_token(vision_language_config.at("image_end_token_id").get<int64_t>());
  return {{"added_tokens_decoder", decoder},
          {"additional_special_tokens", additional},
          {"clean_up_tokenization_spaces", false},
          {"do_lower_case", false},
          {"eos_token", end},
          {"bos_token", start},
          {"pad_token", end},
          {"image_token", "<|image|>"},
          {"grid_bos_token", "<sop>"},
          {"grid_eos_token", "<eop>"},
          {"model_input_names", {"input_ids", "attention_mask"}},
          {"model_max_length", 65536},
          {"padding_side", "left"},
          {"remove_space", false},
          {"tokenizer_class", "PreTrainedTokenizer"}};
}

nlohmann::ordered_json make_glyph_tokenizer_config() {
  using Json = nlohmann::ordered_json;
  Json decoder = Json::object(), additional = Json::array();
  int64_t id = 0;
  for (const char* content : {"<pad>", "</s>", "<unk>"}) {
    decoder[std::to_string(id++)] = token_fields(content, /*strips=*/true, /*special=*/true);
  }
  for (int64_t i = 0; i < kExtraIds; ++i) {
    const auto content = concat("<extra_id_", i, ">");
    decoder[std::to_string(kFirstExtraId + i)] =
        token_fields(content, /*strips=*/false, /*special=*/true);
    additional.push_back(content);
  }
  return {{"added_tokens_decoder", decoder},
          {"additional_special_tokens", additional},
          {"eos_token", "</s>"},
          {"extra_ids", kExtraIds},
          {"pad_token", "<pad>"},
          {"tokenizer_class", "ByT5Tokenizer"},
          {"unk_token", "<unk>"}};
}

}  // namespace glm_image::random_checkpoint
