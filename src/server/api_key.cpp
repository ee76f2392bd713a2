#include "server/api_key.h"

#include <algorithm>

#include "core/error.h"
#include "io/json_file.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

constexpr int64_t kMaxFileBytes = 4096;
constexpr size_t kMinCharacters = 16;

bool equal_in_constant_time(const std::string& given, const std::string& key) {
  // volatile keeps the compiler from leaving the loop early.
  volatile unsigned char difference = given.size() == key.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const auto expected = static_cast<unsigned char>(key[i % key.size()]);
    difference = difference | (static_cast<unsigned char>(given[i]) ^ expected);
  }
  return difference == 0;
}

}  // namespace

ApiKey ApiKey::load(const std::filesystem::path& file) {
  const auto text = io::read_text_file(file, kMaxFileBytes);
  ApiKey key;
  key.key_ = text.substr(0, text.find_first_of("\r\n"));
  // '%' is excluded, since some HTTP libraries decode %41 in headers.
  const bool printable = std::all_of(
      key.key_.begin(), key.key_.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '%'; });
  if (!printable || key.key_.size() < kMinCharacters) {
    fail(ErrorCode::kInvalidInput,
         file.string(),
         ": the first line must be a key of at least ",
         kMinCharacters,
         " printable ASCII characters without spaces and %");
  }
  return key;
}

bool ApiKey::admits(const std::string& authorization_header) const {
  if (!is_set()) return true;
  // The scheme is case-insensitive, and several spaces may follow it.
  const std::string_view header = trimmed(authorization_header);
  const auto scheme_end = std::min(header.find(' '), header.size());
  if (lower(header.substr(0, scheme_end)) != "bearer") return false;
  return equal_in_constant_time(std::string(trimmed(header.substr(scheme_end))), key_);
}

}  // namespace glm_image::server
