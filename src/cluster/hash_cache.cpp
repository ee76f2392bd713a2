#include "cluster/hash_cache.h"

#include "core/text_format.h"
#include "io/json_cache.h"

namespace glm_image::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 2000;

std::string key_of(const fs::path& file) {
  return fs::weakly_canonical(file).string();
}

}  // namespace

HashCache::HashCache() : file_(io::cache_file("hashes.json")), hashes_(io::read_cache(file_)) {
  if (hashes_.size() >= kMostFiles) hashes_ = io::Json::object();
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
  io::write_cache(file_, hashes_);
}

}  // namespace glm_image::cluster
