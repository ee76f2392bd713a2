#pragma once

#include <sstream>
#include <string>

namespace glm_image {

/// Concatenates its arguments as a stream would print them: concat("got ", 3, " of ", 4).
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace glm_image
