#include "pipeline/request_check.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "image/image_limits.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kMaxSide = 4096;
constexpr int64_t kMaxSteps = 1000;
constexpr int64_t kMaxCount = 1000;
constexpr int64_t kMaxPreviews = 8;
/// A picture keeps its prompt twice, once in JSON, which may write a byte as six.
constexpr size_t kMaxPromptBytes = 64 * 1024;
/// Each byte of a text to spell is a token of the transformer.
constexpr size_t kMaxSpelledBytes = 16 * 1024;
constexpr size_t kMaxTexts = 256;
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMaxConditionImages = 16;
constexpr double kMaxGuidance = 100;
constexpr double kMinTemperature = 1e-6, kMaxTemperature = 100;

template <typename... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) fail(ErrorCode::kInvalidInput, parts...);
}

void check_text(const char* field, const std::string& text) {
  require(text.size() <= kMaxPromptBytes,
          field,
          " has ",
          text.size(),
          " bytes; at most ",
          kMaxPromptBytes,
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
  require(texts.size() <= kMaxTexts && bytes <= kMaxSpelledBytes,
          "texts to spell are ",
          texts.size(),
          " with ",
          bytes,
          " bytes; at most ",
          kMaxTexts,
          " with ",
          kMaxSpelledBytes,
          " are spelled");
}

void check_grid(const char* what, const TokenGrid& grid, int64_t codes) {
  require(grid.height > 0 && grid.width > 0 && grid.height <= kMaxSide && grid.width <= kMaxSide &&
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

/// The size of the first condition picture, or else the model's own, where none is given.
void fill_size(Request& request, const Checkpoint& checkpoint) {
  require((request.width == 0) == (request.height == 0), "size needs both a width and a height");
  if (request.width != 0) return;
  if (request.composition) {
    request.height = request.composition->picture.height * text::kPixelsPerToken;
    request.width = request.composition->picture.width * text::kPixelsPerToken;
    return;
  }
  if (request.condition_images.empty()) {
    request.width = checkpoint.info().default_width;
    request.height = checkpoint.info().default_height;
    return;
  }
  const auto nearest = [](int64_t side) {
    const auto tokens =
        std::llround(static_cast<double>(side) / static_cast<double>(text::kPixelsPerToken));
    return std::clamp<int64_t>(tokens * text::kPixelsPerToken, text::kPixelsPerToken, kMaxSide);
  };
  request.width = nearest(request.condition_images.front().width);
  request.height = nearest(request.condition_images.front().height);
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
    require(side >= text::kPixelsPerToken && side <= kMaxSide && side % text::kPixelsPerToken == 0,
            "size must be WIDTHxHEIGHT, both multiples of ",
            text::kPixelsPerToken,
            " from ",
            text::kPixelsPerToken,
            " to ",
            kMaxSide,
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
  require(request.condition_images.size() <= kMaxConditionImages,
          "at most ",
          kMaxConditionImages,
          " pictures to start from; found ",
          request.condition_images.size());
  for (const auto& image : request.condition_images) image::check_image(image);
  fill_size(resolved, checkpoint);
  check_size(resolved.width, resolved.height);
  require(request.steps >= 1 && request.steps <= kMaxSteps,
          "steps must be from 1 to ",
          kMaxSteps,
          "; found ",
          request.steps);
  require(request.guidance >= 1 && request.guidance <= kMaxGuidance,
          "guidance must be from 1 (none) to ",
          kMaxGuidance,
          "; found ",
          request.guidance);
  require(request.count >= 1 && request.count <= kMaxCount,
          "count must be from 1 to ",
          kMaxCount,
          "; found ",
          request.count);
  require(request.previews >= 0 && request.previews <= kMaxPreviews,
          "previews must be from 0 to ",
          kMaxPreviews,
          "; found ",
          request.previews);
  require(!request.composition || request.count == 1, "count must be 1 when tokens are given");

  resolved.temperature = request.temperature.value_or(checkpoint.sampling.temperature);
  resolved.top_p = request.top_p.value_or(checkpoint.sampling.top_p);
  require(*resolved.temperature >= kMinTemperature && *resolved.temperature <= kMaxTemperature,
          "temperature must be from ",
          kMinTemperature,
          " to ",
          kMaxTemperature,
          "; found ",
          *resolved.temperature);
  require(*resolved.top_p >= 0 && *resolved.top_p <= 1,
          "top-p must be from 0 to 1; found ",
          *resolved.top_p);
  if (resolved.composition) check_composition(resolved, checkpoint);
  return resolved;
}

}  // namespace glm_image::pipeline
