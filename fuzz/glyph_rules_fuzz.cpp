// Any prompt, through both sets of glyph rules.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace {

using glm_image::text::find_glyph_texts;
using glm_image::text::GlyphRules;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(std::string_view prompt, GlyphRules rules) {
  const bool smart = rules == GlyphRules::kSmart;
  std::size_t last_end = 0;
  for (const auto& found : find_glyph_texts(prompt, rules)) {
    require(found.begin < found.end && found.end <= prompt.size());
    const auto span = prompt.substr(found.begin, found.end - found.begin);
    if (smart) {
      require(found.begin >= last_end);
      require(!found.text.empty());
      require(glm_image::text::to_nfc(found.text) == found.text);
    } else {
      require(span.size() >= found.text.size() + 2);
      require(span.find(found.text) != std::string_view::npos);
    }
    last_end = found.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view prompt(reinterpret_cast<const char*>(data), size);
  for (const auto rules : {GlyphRules::kSmart, GlyphRules::kReference}) {
    try {
      check(prompt, rules);
    } catch (const glm_image::Error&) {
      // Not UTF-8.
    }
  }
  return 0;
}
