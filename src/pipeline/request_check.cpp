#include "pipeline/request_check.h"

#include "core/error.h"
#include "glm_image/limits.h"
#include "image/image_limits.h"
#include "pipeline/picture_sizes.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kMinPixels = text::kPixelsPerToken * text::kPixelsPerToken;
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";

template <typename... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) fail(ErrorCode::kInvalidInput, parts...);
}

void check_text(const char* field, const std::string& text) {
  require(text.size() <= limits::kMaxPromptBytes,
          field,
          " has ",
          text.size(),
          " bytes; at most ",
          limits::kMaxPromptBytes,
          " are read");
  require(text.find('\0') == std::string::npos, field, " holds a zero byte");
  try {
    text::require_utf8(text);
  } catch (const Error& error) {
    fail(error.code(), field, ": ", error.what());
  }
}

void check_spelled(const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const auto& text : texts) bytes += text.size();
  require(texts.size() <= limits::kMaxTexts && bytes <= limits::kMaxSpelledBytes,
          "texts to spell are ",
          texts.size(),
          " with ",
          bytes,
          " bytes; at most ",
          limits::kMaxTexts,
          " with ",
          limits::kMaxSpelledBytes,
          " are spelled");
}

void check_grid(const char* what, const TokenGrid& grid, int64_t codes) {
  require(grid.height > 0 && grid.width > 0 && grid.height <= limits::kMaxGridSide &&
              grid.width <= limits::kMaxGridSide &&
              static_cast<int64_t>(grid.tokens.size()) == grid.height * grid.width,
          what,
          ": ",
          grid.tokens.size(),
          " tokens are no grid of ",
          grid.height,
          "×",
          grid.width);
  for (const int64_t token : grid.tokens) {
    require(token >= 0 && token < codes,
            what,
            ": the token ",
            token,
            " is none of this model's ",
            codes,
            " codes");
  }
}

void check_composition(const Request& request, const Checkpoint& checkpoint) {
  const int64_t codes = checkpoint.vision_language.vq.num_embeddings;
  const auto& composition = *request.composition;
  check_grid("tokens", composition.picture, codes);
  for (const auto& grid : composition.conditions) check_grid("condition tokens", grid, codes);
  require(composition.picture.height * text::kPixelsPerToken == request.height &&
              composition.picture.width * text::kPixelsPerToken == request.width,
          "tokens are a composition of ",
          composition.picture.width * text::kPixelsPerToken,
          "x",
          composition.picture.height * text::kPixelsPerToken,
          " pixels; the size asked for is ",
          request.width,
          "x",
          request.height);
  require(composition.conditions.size() == request.condition_images.size(),
          "tokens were made from ",
          composition.conditions.size(),
          " condition pictures; ",
          request.condition_images.size(),
          " are given");
}

}  // namespace

void check_size(int64_t width, int64_t height) {
  for (const int64_t side : {width, height}) {
    require(side >= text::kPixelsPerToken && side <= limits::kMaxSide &&
                side % text::kPixelsPerToken == 0,
            "size must be WIDTHxHEIGHT, both multiples of ",
            text::kPixelsPerToken,
            " from ",
            text::kPixelsPerToken,
            " to ",
            limits::kMaxSide,
            "; found ",
            width,
            "x",
            height);
  }
}

std::vector<std::string> texts_to_spell(const Request& request) {
  const auto rules = request.glyph_rules == GlyphRules::kSmart ? text::GlyphRules::kSmart
                                                               : text::GlyphRules::kReference;
  auto texts = text::glyph_texts(request.prompt, rules);
  for (const auto& text : request.texts) {
    texts.push_back(rules == text::GlyphRules::kSmart ? text::to_nfc(text) : text);
  }
  return texts;
}

Request resolve_request(const Request& request, const Checkpoint& checkpoint) {
  auto resolved = request;
  // A form may send a file with its byte order mark. The reference would read it.
  if (request.glyph_rules == GlyphRules::kSmart && request.prompt.rfind(kByteOrderMark, 0) == 0) {
    resolved.prompt.erase(0, std::string(kByteOrderMark).size());
  }
  check_text("prompt", request.prompt);
  for (const auto& text : request.texts) check_text("text", text);
  check_spelled(texts_to_spell(request));
  require(request.composition || resolved.prompt.find_first_not_of(" \t\r\n") != std::string::npos,
          "prompt is empty; say what to draw");
  require(request.condition_images.size() <= limits::kMaxConditionImages,
          "at most ",
          limits::kMaxConditionImages,
          " pictures to start from; found ",
          request.condition_images.size());
  for (const auto& image : request.condition_images) image::check_image(image);
  require(request.max_pixels == 0 || request.max_pixels >= kMinPixels,
          "max_pixels must be 0 (no limit) or at least ",
          kMinPixels,
          "; found ",
          request.max_pixels);
  require((request.width == 0) == (request.height == 0), "size needs both a width and a height");
  if (request.width == 0) fill_size(resolved, checkpoint);
  check_size(resolved.width, resolved.height);
  require(request.max_pixels == 0 || resolved.width * resolved.height <= request.max_pixels,
          "size must have at most ",
          request.max_pixels,
          " pixels; found ",
          resolved.width,
          "x",
          resolved.height);
  resolved.steps = request.steps.value_or(checkpoint.info().profile.steps);
  require(*resolved.steps >= 1 && *resolved.steps <= limits::kMaxSteps,
          "steps must be from 1 to ",
          limits::kMaxSteps,
          "; found ",
          *resolved.steps);
  resolved.guidance = request.guidance.value_or(checkpoint.info().profile.guidance);
  require(*resolved.guidance >= limits::kMinGuidance && *resolved.guidance <= limits::kMaxGuidance,
          "guidance must be from ",
          limits::kMinGuidance,
          " (none) to ",
          limits::kMaxGuidance,
          "; found ",
          *resolved.guidance);
  require(request.count >= 1 && request.count <= limits::kMaxCount,
          "count must be from 1 to ",
          limits::kMaxCount,
          "; found ",
          request.count);
  require(request.previews >= 0 && request.previews <= limits::kMaxPreviews,
          "previews must be from 0 to ",
          limits::kMaxPreviews,
          "; found ",
          request.previews);
  require(!request.composition || request.count == 1, "count must be 1 when tokens are given");

  resolved.temperature = request.temperature.value_or(checkpoint.sampling.temperature);
  resolved.top_p = request.top_p.value_or(checkpoint.sampling.top_p);
  require(*resolved.temperature >= limits::kMinTemperature &&
              *resolved.temperature <= limits::kMaxTemperature,
          "temperature must be from ",
          limits::kMinTemperature,
          " to ",
          limits::kMaxTemperature,
          "; found ",
          *resolved.temperature);
  require(*resolved.top_p >= limits::kMinTopP && *resolved.top_p <= limits::kMaxTopP,
          "top-p must be from ",
          limits::kMinTopP,
          " to ",
          limits::kMaxTopP,
          "; found ",
          *resolved.top_p);
  if (resolved.composition) check_composition(resolved, checkpoint);
  return resolved;
}

}  // namespace glm_image::pipeline
