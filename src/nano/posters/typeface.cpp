#include "nano/posters/typeface.h"

#include <algorithm>

#include "core/error.h"
#include "nano/posters/pango_handles.h"

namespace glm_image::posters {

std::string typeface_name(const Typeface& face) {
  return concat(face.family, face.bold ? " bold" : "", face.italic ? " italic" : "");
}

std::filesystem::path find_typeface(const Typeface& face) {
  const std::unique_ptr<FcPattern, Releaser<FcPatternDestroy>> pattern(FcPatternCreate());
  const auto family = reinterpret_cast<const FcChar8*>(face.family.c_str());
  FcPatternAddString(pattern.get(), FC_FAMILY, family);
  const std::unique_ptr<FcObjectSet, Releaser<FcObjectSetDestroy>> properties(
      FcObjectSetBuild(FC_FILE, FC_WEIGHT, FC_SLANT, FC_WIDTH, nullptr));
  const std::unique_ptr<FcFontSet, Releaser<FcFontSetDestroy>> fonts(
      FcFontList(nullptr, pattern.get(), properties.get()));
  std::vector<std::string> files;
  for (int i = 0; fonts && i < fonts->nfont; ++i) {
    int weight = FC_WEIGHT_REGULAR;
    int slant = FC_SLANT_ROMAN;
    int width = FC_WIDTH_NORMAL;
    FcChar8* file = nullptr;
    FcPatternGetInteger(fonts->fonts[i], FC_WEIGHT, 0, &weight);
    FcPatternGetInteger(fonts->fonts[i], FC_SLANT, 0, &slant);
    FcPatternGetInteger(fonts->fonts[i], FC_WIDTH, 0, &width);
    if (weight != (face.bold ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR) ||
        (slant != FC_SLANT_ROMAN) != face.italic || width != FC_WIDTH_NORMAL ||
        FcPatternGetString(fonts->fonts[i], FC_FILE, 0, &file) != FcResultMatch) {
      continue;
    }
    files.emplace_back(reinterpret_cast<const char*>(file));
  }
  if (files.empty()) {
    fail(ErrorCode::kNotFound,
         "the font ",
         typeface_name(face),
         " is not installed: data/posters/README.md names its Debian package");
  }
  return *std::min_element(files.begin(), files.end());
}

}  // namespace glm_image::posters
