#include "nano/posters/palette.h"

#include "nano/posters/data_fields.h"

namespace glm_image::posters {

Palette Palette::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  Palette palette;
  for (const auto& entry : required_objects(fields, "colours", 2, 1000)) {
    NamedColour named;
    named.colour.id = required_id(entry, "id");
    if (palette.find(named.colour.id)) entry.refuse("id", "different from those before it");
    const auto rgb = entry.required_int64_list("rgb", 0, 255);
    if (rgb.size() != 3) entry.refuse("rgb", "a list of 3 integers");
    for (std::size_t i = 0; i < 3; ++i) named.colour.rgb[i] = static_cast<uint8_t>(rgb[i]);
    for (const auto& name : required_objects(entry, "french", 1, 100)) {
      named.french.push_back({name.required_string("masculine"),
                              name.required_string("feminine"),
                              name.required_string("masculine_plural"),
                              name.required_string("feminine_plural")});
    }
    for (const auto& name : required_texts(entry, "english")) {
      named.english.push_back({name, name, name, name});
    }
    palette.colours_.push_back(std::move(named));
  }
  return palette;
}

const NamedColour* Palette::find(std::string_view id) const {
  for (const auto& named : colours_) {
    if (named.colour.id == id) return &named;
  }
  return nullptr;
}

}  // namespace glm_image::posters
