#include "text/prompt_recipe.h"

#include "core/error.h"
#include "io/json_file.h"
#include "text/special_token_name.h"

namespace glm_image::text {
namespace {

/// Image tokens in a prompt would be taken for those of the condition images.
void refuse_image_tokens(std::string_view prompt, const PromptTokens& tokens) {
  for (const auto* token : {&tokens.image, &tokens.image_start, &tokens.image_end}) {
    const auto found = prompt.find(*token);
    if (found != std::string_view::npos) {
      fail(ErrorCode::kInvalidInput,
           "the prompt must not contain \"",
           *token,
           "\", which marks a picture for the model (at byte ",
           found,
           ")");
    }
  }
}

std::string grid_text(const Grid& grid, const PromptTokens& tokens) {
  return concat(tokens.grid_begin, grid.height, ' ', grid.width, tokens.grid_end);
}

}  // namespace

PromptTokens load_prompt_tokens(const std::filesystem::path& checkpoint,
                                const BpeTokenizer& tokenizer) {
  const auto names = io::JsonFields::load(checkpoint / "processor" / "tokenizer_config.json");
  const auto model = io::JsonFields::load(checkpoint / "vision_language_encoder" / "config.json");
  const auto id_of = [&](const char* field) {
    return model.required_int64(field, 0, tokenizer.id_count() - 1);
  };
  PromptTokens tokens;
  tokens.grid_begin = special_token_name(names, "grid_bos_token");
  tokens.grid_end = special_token_name(names, "grid_eos_token");
  tokens.image = special_token_name(names, "image_token");
  tokens.image_start = tokenizer.token_of(id_of("image_start_token_id"));
  tokens.image_end = tokenizer.token_of(id_of("image_end_token_id"));
  tokenizer.required_token_id(tokens.grid_begin);
  tokenizer.required_token_id(tokens.grid_end);
  if (const auto image_id = tokenizer.required_token_id(tokens.image);
      image_id != id_of("image_token_id")) {
    model.refuse("image_token_id",
                 concat(image_id, ", the id of \"", tokens.image, "\" in the tokenizer"));
  }
  return tokens;
}

std::string text_to_image_prompt(std::string_view prompt,
                                 const Grid& target,
                                 const Grid& preview,
                                 const PromptTokens& tokens) {
  refuse_image_tokens(prompt, tokens);
  return concat(prompt, grid_text(target, tokens), grid_text(preview, tokens), tokens.image_start);
}

std::string image_to_image_prompt(std::string_view prompt,
                                  const std::vector<Grid>& condition_images,
                                  const Grid& target,
                                  const PromptTokens& tokens) {
  refuse_image_tokens(prompt, tokens);
  std::string text;
  for (const Grid& image : condition_images) {
    text += tokens.image_start;
    for (int64_t i = 0; i < image.size(); ++i) text += tokens.image;
    text += tokens.image_end;
  }
  return text.append(prompt) + grid_text(target, tokens) + tokens.image_start;
}

}  // namespace glm_image::text
