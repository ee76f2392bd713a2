#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "glm_image/image.h"
#include "glm_image/verification.h"

namespace glm_image {

/// How the texts to spell are found in a prompt.
enum class GlyphRules {
  /// The quotation marks of many languages; an apostrophe inside a word is not a quotation mark.
  /// docs/quotes.md specifies the rules.
  kSmart,
  /// Exactly the reference implementation's rules, which take French apostrophes for quotes.
  kReference,
};

/// The solver of the denoising equation (docs/speed.md).
enum class Solver {
  kEuler,      ///< first order, the reference's
  kMultistep,  ///< second order: fewer steps for the same picture
};

/// The steps from `begin` (included) to `end` (excluded), as shares of all steps. The first step,
/// at pure noise, is at 0.
struct GuidanceInterval {
  double begin = 0;
  double end = 1;
};

/// Presets of the number of steps, the solver, the guided steps and the step cache.
/// docs/speed.md gives the time and the quality of each.
enum class Speed { kExact, kBalanced, kFast };

/// "exact", "balanced", "fast".
const char* speed_name(Speed speed);
/// "euler", "multistep".
const char* solver_name(Solver solver);

/// A size in pixels.
struct PictureSize {
  int64_t width = 0;
  int64_t height = 0;
};

/// A grid of visual tokens in row-major order. Each token covers 32×32 pixels.
struct TokenGrid {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<int64_t> tokens;  ///< height·width ids
};

/// The generator's output. It can be denoised again with another seed, number of steps or guidance,
/// without running the generator.
struct Composition {
  /// A draft's has no tokens yet: the generator writes them after those of `preview`.
  TokenGrid picture;
  std::vector<TokenGrid> conditions;  ///< one for each condition picture, in order
  /// The small grid that the generator writes before the picture's; 0×0 where it writes none.
  TokenGrid preview;

  bool is_draft() const { return picture.tokens.empty(); }
};

/// An adapter (LoRA) of the pipeline and how strongly it acts: 1 as trained, 0 not at all.
struct AdapterUse {
  std::string name;
  double scale = 1;  ///< -10 to 10
};

/// What to generate. Unset fields take the model's defaults.
struct Request {
  std::string prompt;              ///< UTF-8, at most 128,000 bytes
  std::vector<std::string> texts;  ///< to spell, in addition to those that the prompt quotes;
                                   ///< with these at most 256 texts and 16 KiB in total
  GlyphRules glyph_rules = GlyphRules::kSmart;

  /// At most 16 pictures to start from, in the order in which the prompt mentions them. The longer
  /// side may be at most four times the shorter one. Each is resized to the nearest size that the
  /// model can read.
  std::vector<Image> condition_images;
  /// Maximum number of pixels at which the model reads each of them, at least 1024; 0 for its own
  /// maximum. Fewer take less time and show the model fewer details. Below the smallest size that
  /// the model reads, that size is taken. Has no effect with `composition`.
  int64_t reference_pixels = 0;
  /// The sizes at which the model reads them. Pipeline::check fills them in; generate ignores them.
  std::vector<PictureSize> condition_sizes{};

  /// Pixels, multiples of 32 up to 4096. If both are 0, the size is that of the composition, else
  /// that of the first condition picture, else the model's default. A condition picture with more
  /// pixels than the default size, max_pixels or the model's context allows is scaled down to the
  /// nearest shape that fits. Pipeline::check returns the chosen size.
  int64_t width = 0;
  int64_t height = 0;
  /// Maximum number of pixels of a picture; 0 for no further limit.
  int64_t max_pixels = 0;

  std::optional<int64_t> steps;    ///< denoising steps, 1 to 1000
  std::optional<double> guidance;  ///< classifier-free guidance, 1 (none) to 100

  /// Sets those of steps, solver, guided, guidance_every and step_cache that have no value.
  /// Default: kExact.
  std::optional<Speed> speed;
  std::optional<Solver> solver;
  /// The steps with guidance, which evaluate the transformer twice.
  std::optional<GuidanceInterval> guided;
  /// Both velocities are evaluated in every Nth guided step, N from 1 to 1000; the steps between
  /// reuse their difference.
  std::optional<int64_t> guidance_every;
  /// Blocks after the first reuse their output of an earlier step while the first block's output
  /// has changed by a smaller relative amount than this since then; 0 (never) to 1.
  std::optional<double> step_cache;

  uint64_t seed = 0;
  /// Number of pictures, 1 to 1000, with the seeds seed, seed + 1, … Each has a composition of its
  /// own. Must be 1 if `composition` is set.
  int64_t count = 1;

  /// Read the texts to spell back from each picture, with PipelineOptions::verifier. Not for
  /// drafts.
  bool verify = false;
  /// Draw up to this many compositions, 1 to 16, with the seeds seed, seed + 1, …, and return the
  /// first picture whose texts are all right, else the best one. More than 1 implies `verify`; then
  /// `count` must be 1 and `composition` unset.
  int64_t best_of = 1;

  std::optional<double> temperature;  ///< of the generator; 1e-6 to 100
  std::optional<double> top_p;        ///< of the generator; 0 to 1

  /// The adapters to apply, at most 16, by the names in ModelInfo::adapters. Without a value, those
  /// of PipelineOptions::adapters. An empty list is the model alone.
  std::optional<std::vector<AdapterUse>> adapters;

  /// Number of previews of each picture, 0 to 8, for the preview callback of Pipeline::generate.
  /// The first comes from the generator's preview grid, if it writes one and Residency keeps all
  /// stages in memory. The others are spread over the denoising steps; few steps give fewer
  /// previews. Previews do not change the picture.
  int64_t previews = 0;

  /// Use this composition instead of generating one. A draft is completed first.
  std::optional<Composition> composition;
  /// Stop after the generator's preview grid and paint it at its own small size, in few steps and
  /// without guidance. Each result's composition is a draft. Not for edits, for which the generator
  /// writes no preview grid.
  bool draft = false;
};

/// A reason to expect a poor picture from a valid request.
struct Warning {
  /// "size_not_trained", "editing_not_trained", or "picture" for a problem with a picture that was
  /// read.
  std::string code;
  std::string message;  ///< one sentence
};

/// What a pipeline is doing.
enum class Stage {
  kReadingWeights,   ///< steps are bytes
  kReadingPictures,  ///< steps are hundredths of a condition picture
  kImageTokens,      ///< steps are visual tokens
  kPreviewing,       ///< one step, a preview, within another stage
  kSpelling,         ///< steps are texts
  kDenoising,        ///< steps are denoising steps
  kDecoding,         ///< steps are hundredths of a picture
  kVerifying,        ///< one step: reading the texts of a picture
};

/// A display name, such as "reading weights".
const char* stage_name(Stage stage);

struct Picture {
  Image image;
  uint64_t seed = 0;
  Composition composition;
  /// With Request::verify, one for each of Result::spelled_texts; boxes are in `image`.
  std::vector<TextCheck> verification{};
  /// "int8" if machines of a cluster shared the image tokens and rounded their keys and values to
  /// 8 bits; empty otherwise.
  std::string cluster_wire{};
};

struct StageReport {
  Stage stage;
  double seconds = 0;
  /// Peak resident size of the process during the stage; 0 where the system does not report it.
  int64_t peak_memory_bytes = 0;
};

struct Result {
  std::vector<Picture> pictures;
  std::vector<std::string> spelled_texts;  ///< texts that the glyph encoder read
  int64_t candidates = 0;                  ///< pictures that were drawn to choose from (best_of)
  std::vector<StageReport> stages;         ///< in the order in which they ran
  int64_t prompt_tokens = 0;               ///< generator input without condition tokens
  int64_t condition_tokens = 0;            ///< visual tokens of the condition pictures
  int64_t generated_tokens =
      0;  ///< visual tokens generated for all pictures, including preview grids
};

}  // namespace glm_image
