#pragma once

#include <filesystem>
#include <string>

namespace glm_image::cluster {

/// The key that all ranks share. It never crosses the network: each side of a connection proves
/// that it has the key by answering the other's challenge.
class Secret {
 public:
  /// An empty key, for ranks on one machine.
  Secret() = default;
  /// Reads the first line of a file. Throws kNotFound, or kInvalidInput for a key shorter than 16
  /// characters.
  static Secret load(const std::filesystem::path& file);

  bool is_set() const { return !key_.empty(); }
  /// HMAC-SHA256 of `text`, 64 hexadecimal digits.
  std::string sign(const std::string& text) const;
  /// Whether `signature` is sign(text), compared in constant time.
  bool verifies(const std::string& text, const std::string& signature) const;

 private:
  std::string key_;
};

/// 32 random bytes as hexadecimal digits.
std::string new_challenge();

}  // namespace glm_image::cluster
