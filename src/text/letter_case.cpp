#include "text/letter_case.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/stringpiece.h>

#include "core/error.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

/// `map` calls one of ICU's functions for UTF-8. The empty locale has no rules of its own.
template <typename Map>
std::string mapped(std::string_view text, const Map& map) {
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  UErrorCode status = U_ZERO_ERROR;
  map(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, status);
  GLM_IMAGE_CHECK(U_SUCCESS(status) != 0, u_errorName(status));
  return to_nfc(result);
}

}  // namespace

std::string lower_case(std::string_view text) {
  return mapped(text, [](icu::StringPiece piece, icu::ByteSink& sink, UErrorCode& status) {
    icu::CaseMap::utf8ToLower("", 0, piece, sink, nullptr, status);
  });
}

std::string upper_case(std::string_view text) {
  return mapped(text, [](icu::StringPiece piece, icu::ByteSink& sink, UErrorCode& status) {
    icu::CaseMap::utf8ToUpper("", 0, piece, sink, nullptr, status);
  });
}

}  // namespace glm_image::text
