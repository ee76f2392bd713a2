#include "text/prompt_template.h"

#include "core/error.h"
#include "io/json_file.h"
#include "text/special_token_name.h"

namespace glm_image::text {
namespace {

/// Throws for image markers in a prompt: they would be taken for those of the condition images.
void refuse_image_markers(std::string_view prompt, const PromptTokens& tokens) {
  for (const auto& marker : tokens.image_markers) {
    const auto found = prompt.find(marker);
    if (found != std::string_view::npos) {
      fail_at(ErrorCode::kInvalidInput,
              {"", "prompt"},
              "the prompt must not contain \"",
              marker,
              "\", which marks a picture for the model (at byte ",
              found,
              ")");
    }
  }
}

/// Builds the ids of a prompt from texts and markers.
class PromptBuilder {
 public:
  PromptBuilder(const PromptTokens& tokens, const BpeTokenizer& tokenizer)
      : tokens_(tokens), tokenizer_(tokenizer) {}

  void text(std::string_view text) {
    const auto ids = tokenizer_.encode(text);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  void marker(int64_t id, int64_t count = 1) { ids_.insert(ids_.end(), count, id); }

  /// <sop>{h} {w}<eop>
  void grid_size(const Grid& grid) {
    marker(tokens_.grid_begin);
    text(concat(grid.height, ' ', grid.width));
    marker(tokens_.grid_end);
  }

  std::vector<int64_t> take() { return std::move(ids_); }

 private:
  const PromptTokens& tokens_;
  const BpeTokenizer& tokenizer_;
  std::vector<int64_t> ids_;
};

}  // namespace

PromptTokens load_prompt_tokens(const std::filesystem::path& tokenizer_config,
                                const ImageTokenIds& ids,
                                const BpeTokenizer& tokenizer) {
  const auto names = io::JsonFields::load(tokenizer_config);
  PromptTokens tokens;
  tokens.ids = ids;
  tokens.grid_begin = tokenizer.required_token_id(special_token_name(names, "grid_bos_token"));
  tokens.grid_end = tokenizer.required_token_id(special_token_name(names, "grid_eos_token"));
  const auto image = special_token_name(names, "image_token");
  tokens.image_markers = {image, tokenizer.token_of(ids.start), tokenizer.token_of(ids.end)};

  // The reference finds the image token and START by these names, the model's config by id.
  const auto require = [&](const char* role, const std::string& name, int64_t id) {
    if (tokenizer.required_token_id(name) == id) return;
    names.refuse(role,
                 concat("the token of id ",
                        id,
                        " (",
                        tokenizer.token_of(id),
                        "), which vision_language_encoder/config.json names"));
  };
  require("image_token", image, ids.image);
  if (names.has("bos_token")) {
    require("bos_token", special_token_name(names, "bos_token"), ids.start);
  }
  return tokens;
}

std::vector<int64_t> text_to_image_prompt(std::string_view prompt,
                                          const Grid& target,
                                          const Grid& preview,
                                          const PromptTokens& tokens,
                                          const BpeTokenizer& tokenizer) {
  refuse_image_markers(prompt, tokens);
  PromptBuilder ids(tokens, tokenizer);
  ids.text(prompt);
  ids.grid_size(target);
  ids.grid_size(preview);
  ids.marker(tokens.ids.start);
  return ids.take();
}

std::vector<int64_t> image_to_image_prompt(std::string_view prompt,
                                           const std::vector<Grid>& condition_images,
                                           const Grid& target,
                                           const PromptTokens& tokens,
                                           const BpeTokenizer& tokenizer) {
  refuse_image_markers(prompt, tokens);
  PromptBuilder ids(tokens, tokenizer);
  for (const Grid& image : condition_images) {
    ids.marker(tokens.ids.start);
    ids.marker(tokens.ids.image, image.size());
    ids.marker(tokens.ids.end);
  }
  ids.text(prompt);
  ids.grid_size(target);
  ids.marker(tokens.ids.start);
  return ids.take();
}

}  // namespace glm_image::text
