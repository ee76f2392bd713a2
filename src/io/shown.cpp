#include "io/shown.h"

#include "core/text_format.h"

namespace glm_image::io {
namespace {

constexpr std::size_t kShownBytes = 60;
/// The published model's longest names of tensors have about 90 bytes.
constexpr std::size_t kShownNameBytes = 120;

std::string as_ascii(const nlohmann::json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string shown(const nlohmann::json* value) {
  if (value == nullptr) return "nothing";
  // Only the kind of a container is printed: dumping it could cost as much as the whole file.
  if (value->is_object()) return "an object";
  if (value->is_array()) return concat("a list of ", value->size(), " elements");
  if (value->is_string() && value->get_ref<const std::string&>().size() > kShownBytes) {
    return concat("a string of ", value->get_ref<const std::string&>().size(), " bytes");
  }
  return as_ascii(*value);
}

std::string printable(const std::string& text, bool keep_lines) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool is_kept = keep_lines && (byte == '\n' || byte == '\t');
    // U+0080 to U+009F are control characters of two bytes in UTF-8.
    const bool is_c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (is_c1) {
      ++i;
      byte = static_cast<unsigned char>(next);
    }
    if (is_c1 || (byte < ' ' && !is_kept) || byte == 0x7F) {
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      shown += text[i];
    }
  }
  return shown;
}

std::string shown_name(const std::string& name) {
  const auto quoted = as_ascii(name.substr(0, kShownNameBytes));
  return concat(
      '\'', quoted.substr(1, quoted.size() - 2), name.size() > kShownNameBytes ? "..." : "", '\'');
}

}  // namespace glm_image::io
