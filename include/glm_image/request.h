#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "glm_image/image.h"

namespace glm_image {

/// How the texts to spell are found in a prompt.
enum class GlyphRules {
  /// « … » » … « ‹ … › „ … “ “ … ” " … " ' … ' ‘ … ’ 「 … 」 『 … 』; an apostrophe inside a word
  /// quotes nothing.
  kSmart,
  /// Exactly the reference's, whose apostrophes misfire in French.
  kReference,
};

/// A grid of visual tokens, each standing for 32×32 pixels, row by row.
struct TokenGrid {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<int64_t> tokens;  ///< height·width ids
};

/// What the generator composed: it can be painted again with another seed, number of steps or
/// guidance, without the generator.
struct Composition {
  TokenGrid picture;
  std::vector<TokenGrid> conditions;  ///< one for each condition picture, in order
};

/// What to draw. Fields left alone take the model's own defaults.
struct Request {
  std::string prompt;              ///< UTF-8 of at most 64 KiB
  std::vector<std::string> texts;  ///< to spell, besides those that the prompt quotes; with them at
                                   ///< most 256 of 16 KiB together
  GlyphRules glyph_rules = GlyphRules::kSmart;

  /// At most 16 pictures to start from, in the order in which the prompt speaks of them. Of any
  /// size that is not more than four times as long as wide; they are brought to the nearest size
  /// that the model can read.
  std::vector<Image> condition_images;

  /// Pixels, multiples of 32 up to 4096; both 0 for the composition's size, or that of the first
  /// condition picture, or else the model's own. A condition picture with more pixels than the
  /// model's own size or max_pixels allows, or than its context holds, is scaled down to the
  /// nearest shape that fits. Pipeline::check tells the size that is chosen.
  int64_t width = 0;
  int64_t height = 0;
  /// Pixels that a picture may have at most; 0 for no limit but the above.
  int64_t max_pixels = 0;

  std::optional<int64_t> steps;    ///< denoising steps, 1 to 1000
  std::optional<double> guidance;  ///< classifier-free guidance, 1 (none) to 100

  uint64_t seed = 0;
  /// Pictures to draw, 1 to 1000. Each draws its own composition, with the seeds seed, seed + 1, …;
  /// a given composition is drawn once.
  int64_t count = 1;

  std::optional<double> temperature;  ///< of the generator; 1e-6 to 100
  std::optional<double> top_p;        ///< of the generator; 0 to 1

  /// Early looks at each picture, 0 to 8, for generate's preview callback: the first from the
  /// generator's preview grid (where it writes one and Residency keeps all stages in memory), the
  /// others spread over the denoising. They change nothing about the picture. Few steps give fewer.
  int64_t previews = 0;

  /// Paint this composition instead of making one.
  std::optional<Composition> composition;
};

/// A reason to expect a poor picture from a request that can be drawn all the same.
struct Warning {
  /// For programs: "size_not_trained", "editing_not_trained", or "picture" for what was noticed
  /// about a picture that was read.
  std::string code;
  std::string message;  ///< one sentence, for people
};

/// What a pipeline is doing.
enum class Stage {
  kReadingWeights,   ///< steps are bytes
  kReadingPictures,  ///< steps are condition pictures
  kImageTokens,      ///< steps are visual tokens
  kPreviewing,       ///< one step, an early look, in the middle of another stage
  kSpelling,         ///< steps are texts
  kDenoising,        ///< steps are denoising steps
  kDecoding,         ///< steps are pictures
};

/// "reading weights", … for people.
const char* stage_name(Stage stage);

struct Picture {
  Image image;
  uint64_t seed = 0;
  Composition composition;
};

struct StageReport {
  Stage stage;
  double seconds = 0;
  /// Largest resident size of the process during the stage; 0 where the system does not tell.
  int64_t peak_memory_bytes = 0;
};

struct Result {
  std::vector<Picture> pictures;
  std::vector<std::string> spelled_texts;  ///< what the glyph encoder was given
  std::vector<StageReport> stages;         ///< in the order in which they ran
  int64_t prompt_tokens = 0;               ///< of the prompt, as the generator reads it
  int64_t condition_tokens = 0;            ///< of the pictures to start from
  int64_t generated_tokens =
      0;  ///< visual tokens written, preview grids included, for all pictures
};

}  // namespace glm_image
