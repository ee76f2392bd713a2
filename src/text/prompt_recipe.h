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
  int64_t end = 0;    ///< END: behind the grid of a condition image
};

/// The ids of the markers that a prompt is built with. Markers enter the prompt as ids: whether the
/// tokenizer would find them in a text does not matter.
struct PromptTokens {
  ImageTokenIds ids;
  int64_t grid_begin = 0;  ///< `<sop>`
  int64_t grid_end = 0;    ///< `<eop>`
  /// `<|image|>`, START and END as text, which no prompt may contain.
  std::vector<std::string> image_markers;
};

/// Reads the names of the markers from processor/tokenizer_config.json and checks them against the
/// tokenizer's vocabulary and `ids`. Throws kNotFound or kCorruptFile when they do not agree.
PromptTokens load_prompt_tokens(const std::filesystem::path& tokenizer_config,
                                const ImageTokenIds& ids,
                                const BpeTokenizer& tokenizer);

/// What the generator reads before it writes a preview grid and then the picture's:
///   {prompt}<sop>{h} {w}<eop><sop>{ph} {pw}<eop><START>
/// Throws kInvalidInput when the prompt is not valid UTF-8 or contains an image marker. (Other
/// special tokens in it mean what they mean in the reference.)
std::vector<int64_t> text_to_image_prompt(std::string_view prompt,
                                          const Grid& target,
                                          const Grid& preview,
                                          const PromptTokens& tokens,
                                          const BpeTokenizer& tokenizer);

/// What the generator reads before it writes the picture's grid from condition images:
///   <START><|image|>…<END> for each image, then {prompt}<sop>{h} {w}<eop><START>
/// Throws like text_to_image_prompt.
std::vector<int64_t> image_to_image_prompt(std::string_view prompt,
                                           const std::vector<Grid>& condition_images,
                                           const Grid& target,
                                           const PromptTokens& tokens,
                                           const BpeTokenizer& tokenizer);

}  // namespace glm_image::text
