#include "cluster/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

#include "cluster/hex_text.h"
#include "core/error.h"
#include "io/json_file.h"

namespace glm_image::cluster {
namespace {

constexpr int64_t kMaxFileBytes = 4096;
constexpr size_t kMinCharacters = 16;
constexpr size_t kChallengeBytes = 32;

}  // namespace

Secret Secret::load(const std::filesystem::path& file) {
  const auto text = io::read_text_file(file, kMaxFileBytes);
  Secret secret;
  secret.key_ = text.substr(0, text.find_first_of("\r\n"));
  if (secret.key_.size() < kMinCharacters) {
    fail(ErrorCode::kInvalidInput,
         file.string(),
         ": the first line must be a key of at least ",
         kMinCharacters,
         " characters; found ",
         secret.key_.size());
  }
  return secret;
}

std::string Secret::sign(const std::string& text) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  if (::HMAC(::EVP_sha256(),
             key_.data(),
             static_cast<int>(key_.size()),
             data,
             text.size(),
             digest.data(),
             &size) == nullptr) {
    fail(ErrorCode::kInternal, "OpenSSL cannot compute HMAC-SHA256");
  }
  return hex_text(digest.data(), size);
}

bool Secret::verifies(const std::string& text, const std::string& signature) const {
  const auto expected = sign(text);
  return signature.size() == expected.size() &&
         ::CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) == 0;
}

std::string new_challenge() {
  std::array<unsigned char, kChallengeBytes> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    fail(ErrorCode::kInternal, "OpenSSL has no random numbers");
  }
  return hex_text(bytes.data(), bytes.size());
}

}  // namespace glm_image::cluster
