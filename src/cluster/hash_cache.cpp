#include "cluster/hash_cache.h"

#include <cstdlib>

#include "core/atomic_file.h"
#include "core/error.h"
#include "io/json_file.h"
#include "io/json_text.h"

namespace glm_image::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 2000;

/// Empty if there is no home folder.
fs::path cache_file() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  auto cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) cache = variable("HOME") / ".cache";
  return cache.is_absolute() ? cache / "glm-image" / "hashes.json" : fs::path();
}

std::string key_of(const fs::path& file) {
  return fs::weakly_canonical(file).string();
}

}  // namespace

HashCache::HashCache() : file_(cache_file()), hashes_(nlohmann::json::object()) {
  std::error_code error;
  if (file_.empty() || !fs::exists(file_, error)) return;
  try {
    auto stored = io::read_json_file(file_);
    if (stored.is_object() && stored.size() < kMostFiles) hashes_ = std::move(stored);
  } catch (const Error&) {
    // A damaged cache counts as an empty one.
  }
}

std::string HashCache::state_of(const fs::path& file) {
  return concat(fs::file_size(file), ' ', fs::last_write_time(file).time_since_epoch().count());
}

std::optional<std::string> HashCache::find(const fs::path& file) const {
  const auto found = hashes_.find(key_of(file));
  if (found == hashes_.end() || !found->is_object()) return std::nullopt;
  if (found->value("state", "") != state_of(file)) return std::nullopt;
  const auto hash = found->value("sha256", "");
  return hash.empty() ? std::nullopt : std::optional(hash);
}

void HashCache::keep(const fs::path& file, const std::string& state, const std::string& hash) {
  hashes_[key_of(file)] = {{"state", state}, {"sha256", hash}};
}

void HashCache::save() const {
  if (file_.empty()) return;
  std::error_code error;
  fs::create_directories(file_.parent_path(), error);
  try {
    write_file_atomically(file_, io::json_text(hashes_, 1) + "\n");
  } catch (const Error&) {
    // It cannot be stored: the next run computes the hashes again.
  }
}

}  // namespace glm_image::cluster
