#pragma once

#include <functional>

#include "posters/poster_source.h"
#include "train/run_config.h"

namespace glm_image::train {

inline constexpr const char* kVocabularyStage = "vocabulary";

/// The stage "vocabulary": the generator's tokenizer, learnt from captions of the training split.
///
/// Ids, in this order: visual tokens (vision_vocab_size), the 256 bytes, merges up to pad_token_id,
/// special tokens from there, the last of which is image_token_id.
struct VocabularyConfig {
  RunConfig run;
  int64_t captions = 0;  ///< how many are read

  static VocabularyConfig load(const std::filesystem::path& file);
};

using VocabularyProgress = std::function<void(int64_t captions, int64_t total)>;

/// tokenizer.json for a vision_language_encoder/config.json. Throws kCorruptFile for ids in the
/// config that leave no room, kInvalidInput when the captions have too few different words.
io::Json make_tokenizer(const io::JsonFields& model_config,
                        const posters::PosterSource& source,
                        uint64_t seed,
                        int64_t captions,
                        const VocabularyProgress& progress);

/// Writes the part of a checkpoint that has no weights into the run's components/: model_index.json
/// and the folders processor (with tokenizer.json), tokenizer and scheduler.
void train_vocabulary(const VocabularyConfig& config, const VocabularyProgress& progress);

}  // namespace glm_image::train
