#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_tokenizer.h"
#include "text/grid.h"

namespace glm_image::text {

/// The token ids that vision_language_encoder/config.json gives the generator's markers.
struct ImageTokenIds {
  int64_t image = 0;  ///< `<|image|>`, one for every token of a condition image
  int64_t start = 0;  ///< START: a grid of visual tokens follows
  int64_t end = 0;    ///< END: follows the grid of a condition image
};

/// The ids of the markers in a prompt. Markers are inserted as ids, so they do not depend on the
/// tokenizer finding them in a text.
struct PromptTokens {
  ImageTokenIds ids;
  int64_t grid_begin = 0;  ///< `<sop>`
  int64_t grid_end = 0;    ///< `<eop>`
  /// `<|image|>`, START and END as text, which no prompt may contain.
  std::vector<std::string> image_markers;
};

/// Reads the names of the markers from processor/tokenizer_config.json and checks them against the
/// tokenizer's vocabulary and `ids`. Throws kNotFound or kCorruptFile if they do not agree.
PromptTokens load_prompt_tokens(const std::filesystem::path& tokenizer_config,
                                const ImageTokenIds& ids,
                                const BpeTokenizer& tokenizer);

/// Returns the generator's input for a preview grid followed by the picture's grid:
///   {prompt}<sop>{h} {w}<eop><sop>{ph} {pw}<eop><START>
/// Throws kInvalidInput if the prompt is not valid UTF-8 or contains an image marker. (Other
/// special tokens in it are encoded as in the reference.)
std::vector<int64_t> text_to_image_prompt(std::string_view prompt,
                                          const Grid& target,
                                          const Grid& preview,
                                          const PromptTokens& tokens,
                                          const BpeTokenizer& tokenizer);

/// Returns the generator's input for the picture's grid, with condition images:
///   <START><|image|>…<END> for each image, then {prompt}<sop>{h} {w}<eop><START>
/// Throws as text_to_image_prompt does.
std::vector<int64_t> image_to_image_prompt(std::string_view prompt,
                                           const std::vector<Grid>& condition_images,
                                           const Grid& target,
                                           const PromptTokens& tokens,
                                           const BpeTokenizer& tokenizer);

}  // namespace glm_image::text
