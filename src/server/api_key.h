#pragma once

#include <filesystem>
#include <string>

namespace glm_image::server {

/// The secret that requests must show as `Authorization: Bearer <key>`.
class ApiKey {
 public:
  /// No key: everyone may.
  ApiKey() = default;
  /// The first line of a file. Throws kNotFound, or kInvalidInput for a key of fewer than 16
  /// characters or with a space in it.
  static ApiKey load(const std::filesystem::path& file);

  bool is_set() const { return !key_.empty(); }
  /// Compares in a time that depends on the length of what was given, and on nothing of the key but
  /// its length.
  bool admits(const std::string& authorization_header) const;

 private:
  std::string key_;
};

}  // namespace glm_image::server
