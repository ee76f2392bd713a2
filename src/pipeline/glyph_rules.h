#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "glm_image/request.h"

/// The names of GlyphRules in options, requests and saved generation parameters.
namespace glm_image::pipeline {

inline constexpr GlyphRules kAllGlyphRules[] = {GlyphRules::kSmart, GlyphRules::kReference};

inline const char* glyph_rules_name(GlyphRules rules) {
  return rules == GlyphRules::kSmart ? "smart" : "reference";
}

inline std::vector<std::string> glyph_rules_names() {
  std::vector<std::string> names;
  for (const auto rules : kAllGlyphRules) names.emplace_back(glyph_rules_name(rules));
  return names;
}

/// Throws kInvalidInput for an unknown name.
inline GlyphRules glyph_rules_named(const std::string& name) {
  for (const auto rules : kAllGlyphRules) {
    if (name == glyph_rules_name(rules)) return rules;
  }
  fail(ErrorCode::kInvalidInput, "glyph_rules must be smart or reference; found '", name, "'");
}

}  // namespace glm_image::pipeline
