#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// The tokens of a model and their ids, as a sorted list: a malicious file could fill a hash table
/// with collisions.
class Vocabulary {
 public:
  struct Entry {
    std::string token;
    int32_t id;
  };

  Vocabulary() = default;
  /// Tokens must be unique.
  explicit Vocabulary(std::vector<Entry> entries);

  std::optional<int32_t> id_of(std::string_view token) const;

 private:
  std::vector<Entry> entries_;  // by token
};

}  // namespace glm_image::text
