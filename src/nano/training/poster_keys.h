#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/config/keys.h"
#include "train/data/size_share.h"

/// The keys of configs whose data are posters, in addition to those of train/config/stage_keys.h.
/// None of them needs LibTorch, so that the help can list them.
namespace glm_image::nano {

inline constexpr const char* kVocabularyStage = "vocabulary";

/// Keys of all stages that are trained by gradients.
struct PosterKeys {
  std::vector<train::SizeShare> sizes;
  int64_t posters = 0;
  void visit(train::KeyVisitor& keys);
};

/// Keys in the object with the stage's name.
struct VocabularyKeys {
  int64_t captions = 0;
  void visit(train::KeyVisitor& keys);
};

struct PosterVaeKeys {
  double text_pixel_weight = 3, marked_letter_pixel_weight = 0;
  void visit(train::KeyVisitor& keys);
};

struct TeacherVqKeys {
  int64_t codes_until = 1500, quantised_from = 0;
  double pictogram_token_weight = 6, text_token_weight = 2, background_weight = 1;
  double class_weight = 0.3, cell_weight = 1, encoder_weight = 1, codebook_decay = 0.98;
  void visit(train::KeyVisitor& keys);
};

struct PosterTransformerKeys {
  double text_latent_weight = 2, pictogram_latent_weight = 2, marked_letter_latent_weight = 0;
  double letter_weight = 0.1, position_weight = 0.1;
  double teacher_codes_share = 0, miscounted_lines = 0, swapped_codes = 0, crop_texts = 0;
  int64_t embed_posters = 0;
  bool counting_bias = true;
  void visit(train::KeyVisitor& keys);
};

struct PosterGeneratorKeys {
  bool teacher_codes = false;
  double change_weight = 1;
  double class_weight = 0.5, scene_weight = 0.5, position_weight = 0.2, counting_weight = 0.2;
  int64_t scene_layers = 0, position_layers = 0, more_prompts = 0;
  void visit(train::KeyVisitor& keys);
};

/// Adds the keys of a stage whose data are posters.
void describe_stage(const std::string& stage, train::KeyHelp& help);

}  // namespace glm_image::nano
