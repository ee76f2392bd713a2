#include "cli/model_hashing.h"

#include "cli/interrupt.h"
#include "cli/status_line.h"
#include "cli/translation.h"

namespace glm_image::cli {
namespace {

/// Shows the progress in `line`, which must outlive the result.
cluster::HashProgress shown_progress(StatusLine& line, const char* what, bool quiet) {
  // Short hashing shows no progress.
  constexpr uint64_t kWorthTelling = uint64_t{1} << 30;
  return [&line, what, quiet](uint64_t done, uint64_t total) {
    if (!quiet && total >= kWorthTelling) {
      line.show(tr("hashing %1: %2 %", {tr(what), std::to_string(100 * done / total)}),
                done == total);
    }
    return interrupted_by() == 0;
  };
}

}  // namespace

cluster::ModelFingerprint hash_model(const ModelInfo& model, bool quiet) {
  StatusLine line;
  return cluster::fingerprint_of(
      model.directory, model.adapters, shown_progress(line, "the model's files", quiet));
}

cluster::ModelFingerprint hash_training(const std::map<std::string, std::filesystem::path>& folders,
                                        const std::filesystem::path& model,
                                        bool quiet) {
  StatusLine line;
  const auto progress = shown_progress(line, "the training's files", quiet);
  auto all = cluster::fingerprint_of_folders(folders, progress);
  if (model.empty()) return all;
  for (const auto& [name, hash] : cluster::fingerprint_of(model, {}, progress).files) {
    all.files["model/" + name] = hash;
  }
  return all;
}

}  // namespace glm_image::cli
