#pragma once

#include "nano/posters/edit_kind.h"
#include "nano/posters/poster_source.h"

namespace glm_image::posters {

/// Pictures to start from, an instruction in French or English, and the picture that it asks for.
/// The instruction quotes the texts to draw and no others. It names an item by its place if the
/// picture has two of its kind.
struct Edit {
  EditKind kind = EditKind::kChangeBackground;
  std::vector<Scene> references;  ///< one, or two of kCombine
  std::string instruction;
  Scene target;
  /// The parts of the target that the instruction asks for: "poster" (the background), "texts[0]",
  /// "pictograms[1]". Everything else stays as in the first reference.
  std::set<std::string> asked;
  Scene gone;  ///< items that the target no longer has, on the first reference's background
};

/// A random edit; it depends only on its arguments. References and target belong to the split as
/// scenes do (split.h). Items that stay keep their size. The target fits (PosterSource::check).
Edit make_edit(
    const PosterSource& source, EditKind kind, uint64_t seed, uint64_t index, Split split);

/// A random edit of a random kind.
Edit make_edit(const PosterSource& source, uint64_t seed, uint64_t index, Split split);

}  // namespace glm_image::posters
