#include "text/scripts.h"

#include <unicode/normalizer2.h>
#include <unicode/uscript.h>

#include "core/error.h"
#include "text/unicode.h"

namespace glm_image::text {

std::set<std::string> scripts_of(std::string_view text) {
  std::set<std::string> scripts;
  for (const auto& point : code_points(text)) {
    UErrorCode status = U_ZERO_ERROR;
    const auto script = uscript_getScript(static_cast<UChar32>(point.value), &status);
    if (U_FAILURE(status) != 0 || script == USCRIPT_COMMON || script == USCRIPT_INHERITED) continue;
    if (const char* name = uscript_getShortName(script)) scripts.insert(name);
  }
  return scripts;
}

char32_t without_accent(char32_t letter) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* nfd = icu::Normalizer2::getNFDInstance(status);
  GLM_IMAGE_CHECK(U_SUCCESS(status) != 0, u_errorName(status));
  icu::UnicodeString parts;
  if (nfd->getDecomposition(static_cast<UChar32>(letter), parts) == 0) return letter;
  return static_cast<char32_t>(parts.char32At(0));
}

}  // namespace glm_image::text
