#include "cluster/model_fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "cluster/hash_cache.h"
#include "cluster/hex_text.h"
#include "core/error.h"
#include "core/prefix.h"
#include "io/mapped_file.h"
#include "models/layout.h"
#include "pipeline/model_folder.h"

namespace glm_image::cluster {
namespace {

namespace fs = std::filesystem;

/// Folders and files of a checkpoint that the program reads.
constexpr const char* kParts[] = {models::kVisionLanguage,
                                  models::kTextEncoder,
                                  models::kTransformer,
                                  models::kVae,
                                  models::kScheduler,
                                  models::kProcessor,
                                  models::kTokenizer,
                                  "glm_image.json"};
constexpr std::size_t kPieceBytes = std::size_t{16} << 20;

bool is_hidden(const fs::path& path) {
  return starts_with(path.filename().string(), ".");
}

/// Adds the files below a folder that are not hidden and in no hidden folder, under `prefix` and
/// their paths in it.
void add_files(const fs::path& folder,
               const std::string& prefix,
               std::map<std::string, fs::path>& files) {
  for (auto entry = fs::recursive_directory_iterator(folder);
       entry != fs::recursive_directory_iterator();
       ++entry) {
    if (is_hidden(entry->path())) {
      if (entry->is_directory()) entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files[prefix + fs::relative(entry->path(), folder).generic_string()] = entry->path();
    }
  }
}

/// The files of a checkpoint by their paths in its folder.
std::map<std::string, fs::path> files_of(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  for (const auto* part : kParts) {
    const auto path = folder / part;
    if (fs::is_regular_file(path, error)) files[part] = path;
    if (fs::is_directory(path, error)) add_files(path, std::string(part) + '/', files);
  }
  return files;
}

/// SHA-256 of a file. `on_piece` is called with the bytes of each piece and may throw.
std::string hash_file(const fs::path& path, const std::function<void(uint64_t)>& on_piece) {
  if (fs::file_size(path) == 0) return "empty";
  const auto file = io::MappedFile::open(path);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(::EVP_MD_CTX_new(),
                                                                   ::EVP_MD_CTX_free);
  bool works = context && ::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr) == 1;
  for (std::size_t begin = 0; works && begin < file->size(); begin += kPieceBytes) {
    const auto bytes = std::min(kPieceBytes, file->size() - begin);
    works = ::EVP_DigestUpdate(context.get(), file->data() + begin, bytes) == 1;
    on_piece(bytes);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  works = works && ::EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  if (!works) fail(ErrorCode::kInternal, "OpenSSL cannot compute SHA-256");
  return hex_text(digest.data(), size);
}

/// The hashes of files by name, from the cache where it has them.
std::map<std::string, std::string> hashes_of(const std::map<std::string, fs::path>& paths,
                                             const HashProgress& progress) {
  HashCache cache;
  std::map<std::string, std::string> hashes;
  std::map<std::string, fs::path> unknown;
  uint64_t total = 0, done = 0;
  for (const auto& [name, path] : paths) {
    if (auto hash = cache.find(path)) {
      hashes[name] = *hash;
    } else {
      unknown[name] = path;
      total += fs::file_size(path);
    }
  }
  for (const auto& [name, path] : unknown) {
    const auto state = HashCache::state_of(path);
    hashes[name] = hash_file(path, [&](uint64_t bytes) {
      done += bytes;
      if (progress && !progress(done, total)) fail(ErrorCode::kCancelled, "cancelled");
    });
    cache.keep(path, state, hashes[name]);
  }
  if (!unknown.empty()) cache.save();
  return hashes;
}

}  // namespace

std::string ModelFingerprint::difference(const ModelFingerprint& worker,
                                         const std::string& what) const {
  for (const auto& [name, hash] : files) {
    const auto found = worker.files.find(name);
    if (found == worker.files.end()) {
      return concat("the worker's ", what, " has no ", name, ", which the coordinator's has");
    }
    if (found->second != hash) {
      return concat(name, " of the worker's ", what, " differs from the coordinator's");
    }
  }
  for (const auto& [name, hash] : worker.files) {
    const bool is_adapter = starts_with(name, "adapter ");
    if (!is_adapter && files.count(name) == 0) {
      return concat("the worker's ", what, " has ", name, ", which the coordinator's has not");
    }
  }
  return "";
}

ModelFingerprint fingerprint_of(const fs::path& folder,
                                const std::vector<AdapterInfo>& adapters,
                                const HashProgress& progress) {
  auto paths = files_of(pipeline::checkpoint_folder(folder));
  for (const auto& adapter : adapters) paths["adapter " + adapter.name] = adapter.path;
  return {hashes_of(paths, progress)};
}

ModelFingerprint fingerprint_of_folders(const std::map<std::string, fs::path>& folders,
                                        const HashProgress& progress) {
  std::map<std::string, fs::path> paths;
  std::error_code error;
  for (const auto& [name, folder] : folders) {
    if (fs::is_directory(folder, error)) add_files(folder, name + '/', paths);
    if (fs::is_regular_file(folder, error)) paths[name] = folder;
  }
  ModelFingerprint files{hashes_of(paths, progress)};
  for (auto& [name, hash] : files.files) {
    hash = concat(hash, ' ', fs::file_size(paths.at(name)));
  }
  return files;
}

nlohmann::json to_json(const ModelFingerprint& model) {
  return nlohmann::json(model.files);
}

ModelFingerprint fingerprint_from_json(const nlohmann::json& json) {
  ModelFingerprint model;
  if (!json.is_object()) return model;
  for (const auto& [name, hash] : json.items()) {
    if (hash.is_string()) model.files[name] = hash.get<std::string>();
  }
  return model;
}

}  // namespace glm_image::cluster
