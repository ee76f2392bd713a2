#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_tokenizer.h"
#include "text/grid.h"

namespace glm_image::text {

/// The special tokens a prompt is built with, as tokenizer.json writes them.
struct PromptTokens {
  std::string grid_begin;   ///< "<sop>"
  std::string grid_end;     ///< "<eop>"
  std::string image;        ///< "<|image|>", one for every token of a condition image
  std::string image_start;  ///< the visual token of id image_start_token_id
  std::string image_end;    ///< the visual token of id image_end_token_id
};

/// Reads the names from processor/tokenizer_config.json and vision_language_encoder/config.json of
/// a checkpoint. Throws kNotFound or kCorruptFile when they do not agree with the tokenizer.
PromptTokens load_prompt_tokens(const std::filesystem::path& checkpoint,
                                const BpeTokenizer& tokenizer);

/// What the generator reads before it draws a preview and then the picture:
///   {prompt}<sop>{h} {w}<eop><sop>{ph} {pw}<eop><START>
/// Throws kInvalidInput when the prompt holds the image, start or end token. (Its other special
/// tokens mean what they mean in the reference.)
std::string text_to_image_prompt(std::string_view prompt,
                                 const Grid& target,
                                 const Grid& preview,
                                 const PromptTokens& tokens);

/// What the generator reads before it draws the picture from condition images:
///   <START><|image|>…<END> for each image, then {prompt}<sop>{h} {w}<eop><START>
/// Throws like text_to_image_prompt.
std::string image_to_image_prompt(std::string_view prompt,
                                  const std::vector<Grid>& condition_images,
                                  const Grid& target,
                                  const PromptTokens& tokens);

}  // namespace glm_image::text
