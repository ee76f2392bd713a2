#include "pipeline/request_values.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/prefix.h"
#include "glm_image/limits.h"
#include "text/glyph_texts.h"
#include "text/grid.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kMinPixels = text::kTokenSide * text::kTokenSide;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// `field`: the field of Request at fault.
template <typename... Parts>
void require(bool condition, const char* field, const Parts&... parts) {
  if (!condition) fail_at(ErrorCode::kInvalidInput, {"", field}, parts...);
}

/// Messages name a field as its option: "guidance-every".
std::string option_name(std::string field) {
  std::replace(field.begin(), field.end(), '_', '-');
  return field;
}

/// `min_meaning` explains the minimum: " (none)".
template <typename Number>
void check_range(const char* field,
                 const std::optional<Number>& value,
                 Number min,
                 Number max,
                 const char* min_meaning = "") {
  if (!value) return;
  require(*value >= min && *value <= max,  // not so for NaN
          field,
          option_name(field),
          " must be from ",
          min,
          min_meaning,
          " to ",
          max,
          "; found ",
          *value);
}

/// `name`: what messages call the text.
void check_text(const char* field, const char* name, const std::string& text) {
  require(text.size() <= limits::kMaxPromptBytes,
          field,
          name,
          " has ",
          text.size(),
          " bytes; at most ",
          limits::kMaxPromptBytes,
          " are allowed");
  require(text.find('\0') == std::string::npos, field, name, " holds a zero byte");
  try {
    text::require_utf8(text);
  } catch (const Error& error) {
    fail_at(error.code(), {"", field}, name, ": ", error.what());
  }
}

void check_spelled(const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const auto& text : texts) bytes += text.size();
  require(texts.size() <= limits::kMaxTexts && bytes <= limits::kMaxSpelledBytes,
          "texts",
          "texts to spell are ",
          texts.size(),
          " with ",
          bytes,
          " bytes; at most ",
          limits::kMaxTexts,
          " with ",
          limits::kMaxSpelledBytes,
          " are allowed");
}

/// Checks that a given composition goes with the rest of the request.
void check_use_of_composition(const Request& request, std::size_t pictures) {
  const auto& composition = *request.composition;
  require(request.count == 1, "count", "count must be 1 when tokens are given");
  const auto width = composition.picture.width * text::kTokenSide;
  const auto height = composition.picture.height * text::kTokenSide;
  require(request.width == 0 || (width == request.width && height == request.height),
          "composition",
          "tokens are a composition of ",
          width,
          "x",
          height,
          " pixels; the size asked for is ",
          request.width,
          "x",
          request.height);
  require(composition.conditions.size() == pictures,
          "composition",
          "tokens were made from ",
          composition.conditions.size(),
          " condition pictures; ",
          pictures,
          " are given");
}

}  // namespace

void check_values(const Request& request, std::size_t pictures) {
  check_text("prompt", "prompt", request.prompt);
  for (const auto& text : request.texts) check_text("texts", "text", text);
  check_spelled(texts_to_spell(request));
  const bool is_blank =
      prompt_without_mark(request).find_first_not_of(" \t\r\n") == std::string::npos;
  require(request.composition || !is_blank, "prompt", "prompt is empty; say what to draw");
  require(pictures <= limits::kMaxConditionImages,
          "condition_images",
          "at most ",
          limits::kMaxConditionImages,
          " pictures to start from; found ",
          pictures);
  check_settings(request);
  require(!request.draft || (pictures == 0 && !request.composition),
          "draft",
          "drafts are made from a prompt alone, without pictures to start from and without tokens");
  require(!request.draft || !wants_verification(request),
          "verify",
          "verify: drafts are too small to be read; verify the finished picture");
  if (request.best_of > 1) {
    require(request.count == 1, "best_of", "best-of draws one picture: count must be 1");
    require(!request.composition, "best_of", "best-of must be 1 when tokens are given");
  }
  if (request.composition) check_use_of_composition(request, pictures);
}

void check_settings(const Request& request) {
  require(request.max_pixels == 0 || request.max_pixels >= kMinPixels,
          "max_pixels",
          "max_pixels must be 0 (no limit) or at least ",
          kMinPixels,
          "; found ",
          request.max_pixels);
  require(
      request.reference_pixels == 0 || (request.reference_pixels >= limits::kMinReferencePixels &&
                                        request.reference_pixels <= limits::kMaxReferencePixels),
      "reference_pixels",
      "reference-pixels must be 0 (the model's own maximum) or from ",
      limits::kMinReferencePixels,
      " to ",
      limits::kMaxReferencePixels,
      "; found ",
      request.reference_pixels);
  require((request.width == 0) == (request.height == 0),
          "size",
          "size needs both a width and a height");
  if (request.width != 0) check_size(request.width, request.height);
  check_range<int64_t>("steps", request.steps, 1, limits::kMaxSteps);
  check_range("guidance", request.guidance, limits::kMinGuidance, limits::kMaxGuidance, " (none)");
  if (const auto& guided = request.guided) {
    require(
        guided->begin >= 0 && guided->begin <= guided->end && guided->end <= 1,
        "guided",
        "guidance-interval must be two shares of the steps from 0 to 1, the smaller first; found ",
        guided->begin,
        " and ",
        guided->end);
  }
  check_range<int64_t>("guidance_every", request.guidance_every, 1, limits::kMaxSteps);
  check_range("step_cache", request.step_cache, 0.0, limits::kMaxStepCache, " (off)");
  check_range<int64_t>("count", request.count, 1, limits::kMaxCount);
  check_range<int64_t>("best_of", request.best_of, 1, limits::kMaxBestOf);
  check_range<int64_t>("previews", request.previews, 0, limits::kMaxPreviews);
  check_range("temperature", request.temperature, limits::kMinTemperature, limits::kMaxTemperature);
  check_range("top_p", request.top_p, limits::kMinTopP, limits::kMaxTopP);
}

void check_size(int64_t width, int64_t height) {
  for (const int64_t side : {width, height}) {
    require(side >= text::kTokenSide && side <= limits::kMaxSide && side % text::kTokenSide == 0,
            "size",
            "size must be WIDTHxHEIGHT, both multiples of ",
            text::kTokenSide,
            " from ",
            text::kTokenSide,
            " to ",
            limits::kMaxSide,
            "; found ",
            width,
            "x",
            height);
  }
}

std::string prompt_without_mark(const Request& request) {
  const bool has_mark = starts_with(request.prompt, kByteOrderMark);
  const bool removes_mark = has_mark && request.glyph_rules == GlyphRules::kSmart;
  return request.prompt.substr(removes_mark ? kByteOrderMark.size() : 0);
}

int64_t compositions_of(const Request& request) {
  return std::max(request.count, request.best_of);
}

int64_t written_tokens(const Request& request) {
  if (request.composition && !request.composition->is_draft()) return 0;
  const auto target = text::target_grid(request.height, request.width);
  const bool is_edit = !request.condition_images.empty() || !request.condition_sizes.empty();
  const bool writes_preview = !is_edit && !request.composition;
  const int64_t preview = writes_preview ? text::preview_grid(target).size() : 0;
  return (preview + (request.draft ? 0 : target.size())) * compositions_of(request);
}

bool wants_verification(const Request& request) {
  return request.verify || request.best_of > 1;
}

std::vector<std::string> texts_to_spell(const Request& request) {
  auto texts = text::glyph_texts(request.prompt, request.glyph_rules);
  for (const auto& text : request.texts) {
    texts.push_back(request.glyph_rules == GlyphRules::kSmart ? text::to_nfc(text) : text);
  }
  return texts;
}

}  // namespace glm_image::pipeline
