#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace glm_image::posters {

/// What an edit changes.
enum class EditKind {
  kChangeBackground,
  kChangeText,
  kChangePictogram,
  kAddText,
  kAddPictogram,
  kRemoveText,
  kRemovePictogram,
  kCombine,  ///< the first picture with the text of the second
};
inline constexpr int kEditKindCount = 8;

/// The names of kinds in data files, in their order. In the rule "instruction" of a grammar
/// (caption_grammar.h) they are facts.
inline constexpr std::array<std::string_view, kEditKindCount> kEditKindNames = {
    "change_background",
    "change_text",
    "change_pictogram",
    "add_text",
    "add_pictogram",
    "remove_text",
    "remove_pictogram",
    "combine",
};

inline std::string_view edit_kind_name(EditKind kind) {
  return kEditKindNames[static_cast<std::size_t>(kind)];
}

/// Returns nothing for another name.
inline std::optional<EditKind> edit_kind_of(std::string_view name) {
  const auto* const found = std::find(kEditKindNames.begin(), kEditKindNames.end(), name);
  if (found == kEditKindNames.end()) return std::nullopt;
  return static_cast<EditKind>(found - kEditKindNames.begin());
}

}  // namespace glm_image::posters
