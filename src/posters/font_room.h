#pragma once

#include <vector>

#include "posters/pango_handles.h"
#include "posters/typeface.h"

namespace glm_image::posters {

/// Fonts for one thread: Pango with the given font files and no others, and none of the machine's
/// own font settings, so that a letter has the same pixels on every machine with these files. Few
/// fonts also make looking one up fast.
///
/// Letters are smooth in grey, without hinting; their outlines are those of the design.
class FontRoom {
 public:
  /// Throws kNotFound when a file cannot be used.
  explicit FontRoom(const std::vector<std::filesystem::path>& files);

  /// A line of text in a face, `size` pixels to the em. Its ligatures are taken apart.
  ObjectHandle<PangoLayout> lay_out(const std::string& text,
                                    const Typeface& face,
                                    double size) const;
  /// The face alone, for what it says about its letters.
  ObjectHandle<PangoFont> open(const Typeface& face, double size) const;

 private:
  FontConfigHandle config_;
  ObjectHandle<PangoFontMap> map_;
  ObjectHandle<PangoContext> context_;
  AttributesHandle attributes_;
};

}  // namespace glm_image::posters
