#include "adapters/layer_patterns.h"

#include <algorithm>

#include "core/suffix.h"
#include "io/shown.h"

namespace glm_image::adapters {
namespace {

/// Whether a layer's name is `path` or ends with it after a dot.
bool ends_with_path(const std::string& name, const std::string& path) {
  return name == path || ends_with(name, "." + path);
}

std::string without_escapes(std::string name) {
  for (auto at = name.find("\\."); at != std::string::npos; at = name.find("\\.", at)) {
    name.erase(at, 1);
  }
  return name;
}

}  // namespace

LayerPatterns::LayerPatterns(const io::JsonFields& fields, double least) : fields_(fields) {
  for (const auto& item : fields.json().items()) {
    Pattern pattern{item.key(), item.key(), false, fields.required_double(item.key(), least)};
    auto& name = pattern.name;
    if (!name.empty() && name.front() == '^') {
      pattern.is_whole = true;
      name.erase(0, 1);
    }
    if (!name.empty() && name.back() == '$') name.pop_back();
    name = without_escapes(name);
    if (name.empty() || name.find_first_of("\\^$*+?()[]{}|") != std::string::npos) {
      fields.refuse(
          item.key(), "a layer's name without regular expressions", ErrorCode::kUnsupported);
    }
    patterns_.push_back(std::move(pattern));
  }
}

std::optional<double> LayerPatterns::of(const std::string& path, const std::string& name) const {
  const Pattern* found = nullptr;
  for (const auto& pattern : patterns_) {
    const auto fits = [&](const std::string& layer) {
      return pattern.is_whole ? layer == pattern.name : ends_with_path(layer, pattern.name);
    };
    if (!fits(path) && !fits(name)) continue;
    if (found != nullptr && found->value != pattern.value) {
      fields_->refuse(found->key,
                      concat("the number of ",
                             io::shown_name(pattern.key),
                             ", which fits the layer ",
                             io::shown_name(name),
                             " too"),
                      ErrorCode::kUnsupported);
    }
    found = &pattern;
  }
  return found == nullptr ? std::nullopt : std::optional(found->value);
}

}  // namespace glm_image::adapters
