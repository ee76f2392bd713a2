#pragma once

#include <filesystem>
#include <string>

namespace glm_image::server {

/// The secret that requests must present as `Authorization: Bearer <key>`.
class ApiKey {
 public:
  /// No key: all requests are admitted.
  ApiKey() = default;
  /// Reads the first line of a file. Throws kNotFound, or kInvalidInput if the key is shorter than
  /// 16 characters or contains a space, a percent sign or a non-printable character.
  static ApiKey load(const std::filesystem::path& file);

  bool is_set() const { return !key_.empty(); }
  /// Compares in constant time: the duration depends on the length of the header, and on nothing of
  /// the key except its length.
  bool admits(const std::string& authorization_header) const;

 private:
  std::string key_;
};

}  // namespace glm_image::server
