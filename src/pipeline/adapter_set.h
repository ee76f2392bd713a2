#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "glm_image/pipeline.h"

namespace glm_image::pipeline {

/// The adapters of a pipeline, by name. Copies share the opened files.
class AdapterSet {
 public:
  AdapterSet() = default;
  /// Opens the adapters of the options and checks them against `targets`. Throws as
  /// adapters::AdapterFile::open does, and kInvalidInput for a scale that is not allowed or two
  /// adapters of one name. A fault in the adapter folder's files is added to `warnings`.
  static AdapterSet open(const PipelineOptions& options,
                         const adapters::AdapterTargets& targets,
                         std::vector<std::string>& warnings);

  std::vector<AdapterInfo> infos() const;

  /// The adapters that a request applies: those that it names, or the default ones. Throws
  /// kInvalidInput naming an unknown or repeated adapter, a scale that is not allowed, or too many.
  std::vector<AdapterUse> resolve(const std::optional<std::vector<AdapterUse>>& asked) const;

  /// Bytes that the updates of these adapters take in a component's module of this type. `uses`
  /// must come from `resolve`.
  int64_t attached_bytes(const std::vector<AdapterUse>& uses,
                         const std::string& component,
                         at::ScalarType type) const;

  /// Attaches the updates of exactly these adapters to the module of a component, whose weights may
  /// be cut. `uses` must come from `resolve`.
  void apply(const std::vector<AdapterUse>& uses,
             const std::string& component,
             torch::nn::Module& module,
             const io::WeightCuts& cuts = {}) const;

 private:
  struct Item {
    std::string name;
    std::shared_ptr<const adapters::AdapterFile> file;
    std::optional<double> default_scale;
  };
  const Item* find(const std::string& name) const;
  void add_folder(const std::filesystem::path& folder,
                  const adapters::AdapterTargets& targets,
                  std::vector<std::string>& warnings);

  std::vector<Item> items_;
};

}  // namespace glm_image::pipeline
