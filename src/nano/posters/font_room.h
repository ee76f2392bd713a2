#pragma once

#include <vector>

#include "nano/posters/pango_handles.h"
#include "nano/posters/typeface.h"

namespace glm_image::posters {

/// Fonts for one thread: Pango with only the given font files and without the machine's font
/// settings. Letters then have the same pixels on every machine with these files.
///
/// Letters are antialiased in grey, without hinting.
class FontRoom {
 public:
  /// Throws kNotFound if a file cannot be read as a font.
  explicit FontRoom(const std::vector<std::filesystem::path>& files);

  /// A line of text in a typeface, at `size` pixels per em, without ligatures.
  ObjectHandle<PangoLayout> lay_out(const std::string& text,
                                    const Typeface& face,
                                    double size) const;
  /// The font itself, for its metrics. Throws kNotFound if it cannot be opened.
  ObjectHandle<PangoFont> open(const Typeface& face, double size) const;

 private:
  FontConfigHandle config_;
  ObjectHandle<PangoFontMap> map_;
  ObjectHandle<PangoContext> context_;
  AttributesHandle attributes_;
};

}  // namespace glm_image::posters
