#pragma once

#include "cluster/model_fingerprint.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// cluster::fingerprint_of, with a line of progress on a terminal unless `quiet`. An interrupt
/// stops it (kCancelled).
cluster::ModelFingerprint hash_model(const ModelInfo& model, bool quiet);

/// cluster::fingerprint_of_folders of `folders`, and the files of the checkpoint `model` under
/// "model/…" unless it is empty. Progress and interrupts as above.
cluster::ModelFingerprint hash_training(const std::map<std::string, std::filesystem::path>& folders,
                                        const std::filesystem::path& model,
                                        bool quiet);

}  // namespace glm_image::cli
