#include "image/png_text.h"

#include <optional>

#include "core/error.h"
#include "text/unicode.h"

namespace glm_image::image {
namespace {

constexpr std::size_t kMaxKeyword = 79;

bool is_keyword(const std::string& keyword) {
  if (keyword.empty() || keyword.size() > kMaxKeyword) return false;
  if (keyword.front() == ' ' || keyword.back() == ' ') return false;
  if (keyword.find("  ") != std::string::npos) return false;
  for (const char letter : keyword) {
    if (letter < ' ' || letter > '~') return false;
  }
  return true;
}

std::optional<std::string> to_latin1(const std::string& utf8) {
  std::string latin1;
  for (const auto& character : text::code_points(utf8)) {
    if (character.value > 0xFF) return std::nullopt;
    latin1.push_back(static_cast<char>(character.value));
  }
  return latin1;
}

}  // namespace

std::vector<PngTextChunk> png_text_chunks(const PngText& text) {
  std::vector<PngTextChunk> chunks;
  std::size_t bytes = 0;
  for (const auto& [keyword, value] : text) {
    if (!is_keyword(keyword)) {
      fail(ErrorCode::kInvalidInput,
           "'",
           keyword,
           "' cannot be a PNG keyword: expected 1 to 79 printable ASCII characters without "
           "leading, trailing or double spaces");
    }
    bytes += keyword.size() + value.size();
    if (bytes > kMaxPngTextBytes || text.size() > kMaxPngTexts) {
      fail(ErrorCode::kInvalidInput,
           "too much text for a PNG file; the maximum is ",
           kMaxPngTexts,
           " texts and ",
           kMaxPngTextBytes,
           " bytes in total");
    }
    // libpng would treat a zero byte as the end of the value and drop the rest.
    if (value.find('\0') != std::string::npos) {
      fail(ErrorCode::kInvalidInput, "the PNG text '", keyword, "' holds a zero byte");
    }
    auto latin1 = to_latin1(value);
    const bool international = !latin1.has_value();
    chunks.push_back({keyword, international ? value : *latin1, international});
  }
  return chunks;
}

void add_png_text(png_structp png, png_infop info, PngTextChunk& chunk) {
  char empty[] = "";
  png_text entry = {};
  entry.compression = chunk.international ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
  entry.key = chunk.keyword.data();
  entry.text = chunk.value.data();
  entry.lang = empty;
  entry.lang_key = empty;
  png_set_text(png, info, &entry, 1);
}

}  // namespace glm_image::image
