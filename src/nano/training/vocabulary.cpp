#include "nano/training/vocabulary.h"

#include "core/atomic_file.h"
#include "models/layout.h"
#include "nano/training/merge_learning.h"
#include "text/byte_alphabet.h"
#include "text/split_regex.h"
#include "train/run/run_folder.h"
#include "train/seeds.h"
#include "train/weights/component_files.h"

namespace glm_image::nano {
namespace {

/// GLM-4's special tokens, without those for tools and video.
const std::vector<std::string> kSpecialTokens = {"<|endoftext|>",
                                                 "[MASK]",
                                                 "[gMASK]",
                                                 "[sMASK]",
                                                 "<sop>",
                                                 "<eop>",
                                                 "<|system|>",
                                                 "<|user|>",
                                                 "<|assistant|>",
                                                 "<|image|>"};

/// GLM-4's pre-tokenization: a word with the character before it, up to three digits, punctuation,
/// white space.
constexpr const char* kSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::map<std::string, int64_t> caption_words(const posters::PosterSource& source,
                                             uint64_t seed,
                                             int64_t captions,
                                             const VocabularyProgress& progress) {
  const text::SplitRegex split(kSplitPattern, "the tokenizer");
  std::map<std::string, int64_t> words;
  for (int64_t i = 0; i < captions; ++i) {
    const auto index =
        train::mix_seed(seed, train::kVocabularyCaptionPurpose, static_cast<uint64_t>(i));
    const auto scene = source.scene(index, posters::Split::kTraining);
    const auto caption = source.caption(scene, index);
    for (const auto piece : split.split(caption)) {
      ++words[text::to_byte_alphabet(piece)];
    }
    if (progress) progress(i + 1, captions);
  }
  return words;
}

io::Json added_token(const std::string& content, int64_t id) {
  return {{"id", id},
          {"content", content},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", true}};
}

io::Json byte_level(bool with_regex, bool with_space) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", with_space},
          {"trim_offsets", true},
          {"use_regex", with_regex}};
}

}  // namespace

VocabularyConfig VocabularyConfig::load(const std::filesystem::path& file) {
  VocabularyConfig config{train::RunConfig::load(file)};
  try {
    config.captions = config.run.read_stage<VocabularyKeys>().captions;
  } catch (const Error& error) {
    throw train::with_line(error, file);
  }
  config.run.refuse_unread();
  return config;
}

io::Json make_tokenizer(const io::JsonFields& model_config,
                        const posters::PosterSource& source,
                        uint64_t seed,
                        int64_t captions,
                        const VocabularyProgress& progress) {
  constexpr int64_t kLargestId = 1 << 24;
  const auto text_config = model_config.required_object("text_config");
  const int64_t visual_tokens = text_config.required_int64("vision_vocab_size", 1, kLargestId);
  const int64_t first_special =
      text_config.required_int64("pad_token_id", visual_tokens + 256, kLargestId);
  const int64_t last_special = first_special + static_cast<int64_t>(kSpecialTokens.size()) - 1;
  if (model_config.required_int64("image_token_id", 0, kLargestId) != last_special) {
    model_config.refuse("image_token_id",
                        concat(last_special,
                               ", the last of ",
                               kSpecialTokens.size(),
                               " special tokens from pad_token_id on"));
  }
  text_config.required_int64("vocab_size", last_special + 1, kLargestId);

  const int64_t wanted = first_special - visual_tokens - 256;
  const auto merges = learn_merges(caption_words(source, seed, captions, progress), wanted);
  io::Json vocabulary = io::Json::object(), added = io::Json::array();
  int64_t id = 0;
  const auto add = [&](const std::string& token, bool special) {
    if (special) added.push_back(added_token(token, id));
    // Two merges that produce the same string share one token.
    if (vocabulary.emplace(token, id).second) ++id;
  };
  while (id < visual_tokens) add(concat("<|dit_token_", id, "|>"), /*special=*/true);
  for (int byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(byte);
    add(text::to_byte_alphabet({&character, 1}), /*special=*/false);
  }
  io::Json merge_list = io::Json::array();
  for (const auto& [left, right] : merges) {
    add(left + right, /*special=*/false);
    merge_list.push_back({left, right});
  }
  if (id < first_special) {
    fail(ErrorCode::kInvalidInput,
         captions,
         " captions give only ",
         id,
         " tokens, but the special tokens start at pad_token_id ",
         first_special,
         "; read more captions or lower pad_token_id");
  }
  for (const auto& token : kSpecialTokens) add(token, /*special=*/true);

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
              byte_level(/*with_regex=*/false, /*with_space=*/false)}}}},
          {"post_processor", nullptr},
          {"decoder", byte_level(/*with_regex=*/true, /*with_space=*/true)},
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
            {"merges", merge_list}}}};
}

void train_vocabulary(const VocabularyConfig& config, const VocabularyProgress& progress) {
  const train::RunFolder folder(config.run.run);
  const auto components = folder.components();
  const auto& model = config.run.model;
  const auto tokenizer =
      make_tokenizer(io::JsonFields::load(model / models::kVisionLanguage / "config.json"),
                     posters::PosterSource::load(config.run.data),
                     config.run.seed,
                     config.captions,
                     progress);
  train::copy_text_file(model / "model_index.json", components);
  for (const char* part : {models::kProcessor, models::kTokenizer, models::kScheduler}) {
    for (const auto& file : std::filesystem::directory_iterator(model / part)) {
      train::copy_text_file(file.path(), components / part);
    }
  }
  write_file_atomically(components / models::kProcessor / "tokenizer.json",
                        tokenizer.dump() + "\n");
}

}  // namespace glm_image::nano
