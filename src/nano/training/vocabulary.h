#pragma once

#include <functional>

#include "nano/posters/poster_source.h"
#include "nano/training/poster_keys.h"
#include "train/config/run_config.h"

namespace glm_image::nano {

/// The stage "vocabulary": trains the generator's text tokenizer on captions of the training split.
///
/// Order of the ids: visual tokens (vision_vocab_size), the 256 bytes, merges up to pad_token_id,
/// then the special tokens, the last of which is image_token_id.
struct VocabularyConfig {
  train::RunConfig run;
  int64_t captions = 0;  ///< number of captions to read

  static VocabularyConfig load(const std::filesystem::path& file);
};

using VocabularyProgress = std::function<void(int64_t captions, int64_t total)>;

/// Returns tokenizer.json for a vision_language_encoder/config.json. Throws kCorruptFile if the
/// config's ids leave no room, kInvalidInput if the captions have too few distinct words.
io::Json make_tokenizer(const io::JsonFields& model_config,
                        const posters::PosterSource& source,
                        uint64_t seed,
                        int64_t captions,
                        const VocabularyProgress& progress);

/// Writes the parts of a checkpoint without weights to the run's components/: model_index.json and
/// the folders processor (with tokenizer.json), tokenizer and scheduler.
void train_vocabulary(const VocabularyConfig& config, const VocabularyProgress& progress);

}  // namespace glm_image::nano
