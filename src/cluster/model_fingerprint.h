#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "glm_image/pipeline.h"

namespace glm_image::cluster {

/// Identifies a model by its contents: two machines whose fingerprints are equal draw with the same
/// weights, wherever the files lie.
struct ModelFingerprint {
  /// SHA-256 of each file of the checkpoint that the program reads, under its path in the folder,
  /// and of each adapter, under "adapter NAME". Configs, tensor names and shapes are part of them.
  std::map<std::string, std::string> files;

  /// Returns a sentence naming the first difference between the worker's model and this one, the
  /// coordinator's; "" for equal models. The worker may have more adapters. `what` names what the
  /// files belong to.
  std::string difference(const ModelFingerprint& worker, const std::string& what = "model") const;
};

/// Called with the bytes hashed so far and in total. Returning false cancels.
using HashProgress = std::function<bool(uint64_t done, uint64_t total)>;

/// Hashes the files of `folder`, a checkpoint as Pipeline::load takes it, and of the adapters.
/// Hashes are kept in $XDG_CACHE_HOME/glm-image/hashes.json (else in ~/.cache) and computed again
/// only for files whose size or modification time has changed. Throws as Pipeline::load does for a
/// folder that is not a checkpoint, and kCancelled.
ModelFingerprint fingerprint_of(const std::filesystem::path& folder,
                                const std::vector<AdapterInfo>& adapters,
                                const HashProgress& progress = {});

/// Hashes what a training reads: all files of these folders that are not hidden, under
/// "NAME/path in the folder", each as its SHA-256 and its size. A file in place of a folder is
/// under its name alone. What does not exist has no files. Throws and caches as fingerprint_of
/// does.
ModelFingerprint fingerprint_of_folders(const std::map<std::string, std::filesystem::path>& folders,
                                        const HashProgress& progress = {});

nlohmann::json to_json(const ModelFingerprint& model);
/// Returns an empty fingerprint for invalid JSON.
ModelFingerprint fingerprint_from_json(const nlohmann::json& json);

}  // namespace glm_image::cluster
