#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace glm_image::cluster {

/// Hashes of files that were computed before, in $XDG_CACHE_HOME/glm-image/hashes.json (else in
/// ~/.cache). If that cannot be read or written, all hashes are computed again.
class HashCache {
 public:
  HashCache();

  /// Size and modification time, by which a file is recognised as the one that was hashed.
  static std::string state_of(const std::filesystem::path& file);

  std::optional<std::string> find(const std::filesystem::path& file) const;
  /// `state`: of before the hash was computed.
  void keep(const std::filesystem::path& file, const std::string& state, const std::string& hash);
  void save() const;

 private:
  std::filesystem::path file_;
  nlohmann::json hashes_;
};

}  // namespace glm_image::cluster
