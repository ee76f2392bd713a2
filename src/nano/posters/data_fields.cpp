#include "nano/posters/data_fields.h"

#include <sstream>

#include "text/unicode.h"

namespace glm_image::posters {

std::vector<io::JsonFields> required_objects(const io::JsonFields& fields,
                                             const std::string& name,
                                             std::size_t min,
                                             std::size_t max) {
  const auto expected = concat("a list of ", min, " to ", max, " objects");
  const auto& json = fields.json();
  const auto found = json.find(name);
  if (found == json.end() || !found->is_array() || found->size() < min || found->size() > max) {
    fields.refuse(name, expected);
  }
  std::vector<io::JsonFields> objects;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (!(*found)[i].is_object()) fields.refuse(name, expected);
    objects.emplace_back((*found)[i], concat(fields.source(), ", ", name, "[", i, "]"));
  }
  return objects;
}

std::vector<std::string> required_texts(const io::JsonFields& fields, const std::string& name) {
  auto texts = fields.required_string_list(name);
  if (texts.empty()) fields.refuse(name, "a list of at least one text");
  for (auto& item : texts) {
    const auto points = text::code_points(item);
    if (points.empty() || text::is_white_space(points.front().value) ||
        text::is_white_space(points.back().value)) {
      fields.refuse(name, "a list of texts without white space at their ends");
    }
    item = text::to_nfc(item);
  }
  return texts;
}

std::string required_id(const io::JsonFields& fields, const std::string& name) {
  auto id = fields.required_string(name);
  const auto allowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
  if (id.empty() || id.find_first_not_of(allowed) != std::string::npos) {
    fields.refuse(name, "a name of lower-case letters, digits and _");
  }
  return id;
}

std::vector<std::string> required_pieces(const io::JsonFields& fields, const std::string& name) {
  std::istringstream in(text::to_nfc(fields.required_string(name)));
  std::vector<std::string> pieces;
  for (std::string piece; in >> piece;) pieces.push_back(piece == "-" ? "" : piece);
  if (pieces.empty()) fields.refuse(name, "words separated by spaces");
  return pieces;
}

}  // namespace glm_image::posters
