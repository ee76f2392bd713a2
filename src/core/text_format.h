#pragma once

#include <sstream>
#include <string>
#include <vector>

namespace glm_image {

/// Concatenates its arguments as a stream would print them: concat("got ", 3, " of ", 4).
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// A sentence with values in its places %1, %2 … A translation has the same places.
struct PatternText {
  std::string pattern;
  std::vector<std::string> values;
};

/// The sentence with its values; %3 stays as it is if there are two.
inline std::string filled(const PatternText& text) {
  std::string whole;
  for (std::size_t i = 0; i < text.pattern.size(); ++i) {
    const char* rest = text.pattern.c_str() + i;
    const auto number = static_cast<std::size_t>(rest[1] - '1');
    if (rest[0] == '%' && rest[1] >= '1' && number < text.values.size()) {
      whole += text.values[number];
      ++i;
    } else {
      whole += rest[0];
    }
  }
  return whole;
}

}  // namespace glm_image
