#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "core/error.h"

namespace glm_image::text {
namespace {

template <typename Visit>
void for_each_code_point(std::string_view text, Visit visit) {
  if (text.size() > kMaxTextBytes) {
    fail(ErrorCode::kInvalidInput,
         "the text has ",
         text.size(),
         " bytes, more than the ",
         kMaxTextBytes,
         " allowed");
  }
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t next = 0; next < length;) {
    const int32_t begin = next;
    UChar32 value = 0;
    U8_NEXT(text.data(), next, length, value);
    if (value < 0) {
      fail(ErrorCode::kInvalidInput, "the text is not valid UTF-8 at byte ", begin);
    }
    visit(CodePoint{static_cast<char32_t>(value),
                    static_cast<std::size_t>(begin),
                    static_cast<std::size_t>(next)});
  }
}

}  // namespace

void require_utf8(std::string_view text) {
  for_each_code_point(text, [](const CodePoint&) {});
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  for (std::size_t next = 0; next < text.size();) {
    const auto rest = text.substr(next, U8_MAX_LENGTH);
    int32_t length = 0;
    UChar32 value = 0;
    U8_NEXT(rest.data(), length, static_cast<int32_t>(rest.size()), value);
    if (value < 0) return next;
    next += static_cast<std::size_t>(length);
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view text) {
  constexpr char32_t kReplacement = 0xFFFD;
  std::string valid;
  for (std::size_t next = 0; next < text.size();) {
    const auto rest = text.substr(next, U8_MAX_LENGTH);
    int32_t length = 0;
    UChar32 value = 0;
    U8_NEXT(rest.data(), length, static_cast<int32_t>(rest.size()), value);
    append_utf8(valid, value < 0 ? kReplacement : static_cast<char32_t>(value));
    next += static_cast<std::size_t>(length);
  }
  return valid;
}

std::vector<CodePoint> code_points(std::string_view text) {
  std::vector<CodePoint> result;
  result.reserve(text.size());
  for_each_code_point(text, [&](const CodePoint& point) { result.push_back(point); });
  return result;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> result;
  for_each_code_point(text, [&](const CodePoint& point) {
    result.emplace_back(text.substr(point.begin, point.end - point.begin));
  });
  return result;
}

void append_utf8(std::string& text, char32_t code_point) {
  char bytes[U8_MAX_LENGTH];
  int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, code_point);
  text.append(bytes, static_cast<std::size_t>(length));
}

std::string to_nfc(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(status);
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  if (U_SUCCESS(status)) {
    nfc->normalizeUTF8(/*options=*/0,
                       icu::StringPiece(text.data(), static_cast<int32_t>(text.size())),
                       sink,
                       /*edits=*/nullptr,
                       status);
  }
  GLM_IMAGE_CHECK(U_SUCCESS(status), "NFC: ", u_errorName(status));
  return result;
}

bool is_white_space(char32_t code_point) {
  return u_isUWhiteSpace(static_cast<UChar32>(code_point)) != 0;
}

}  // namespace glm_image::text
