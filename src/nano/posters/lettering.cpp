#include "nano/posters/lettering.h"

#include <algorithm>

#include "nano/posters/data_fields.h"

namespace glm_image::posters {

Lettering Lettering::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  Lettering lettering;
  for (const auto& entry : required_objects(fields, "styles", 1, 100)) {
    Style style{required_id(entry, "id"), entry.required_double("weight", 0.001, 1000), {}};
    for (const auto& other : lettering.styles_) {
      if (other.id == style.id) entry.refuse("id", "different from those before it");
    }
    for (const auto& family : required_texts(entry, "families")) {
      const Typeface face{family, entry.required_bool("bold"), entry.required_bool("italic")};
      const auto found = std::find(lettering.faces_.begin(), lettering.faces_.end(), face);
      style.faces.push_back(static_cast<std::size_t>(found - lettering.faces_.begin()));
      if (found == lettering.faces_.end()) lettering.faces_.push_back(face);
    }
    lettering.styles_.push_back(std::move(style));
  }
  return lettering;
}

std::size_t Lettering::face_of(std::string_view style, std::string_view family) const {
  for (const auto& candidate : styles_) {
    if (candidate.id != style) continue;
    for (const std::size_t face : candidate.faces) {
      if (faces_[face].family == family) return face;
    }
  }
  fail(ErrorCode::kInvalidInput, "no style ", style, " with the font ", family);
}

}  // namespace glm_image::posters
