#include "core/width_height.h"

#include <charconv>

namespace glm_image {

std::optional<std::pair<int64_t, int64_t>> parse_width_height(std::string_view text) {
  int64_t width = 0, height = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  if (first.ec != std::errc() || first.ptr == end) return std::nullopt;
  if (*first.ptr != 'x' && *first.ptr != 'X') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, height);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  if (width <= 0 || height <= 0) return std::nullopt;
  return std::pair{width, height};
}

}  // namespace glm_image
