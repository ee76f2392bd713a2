#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/adapter_folder.h"
#include "adapters/adapter_targets.h"
#include "io/safetensors.h"
#include "io/weight_cut.h"
#include "nn/low_rank_update.h"

namespace glm_image::adapters {

/// The update of one layer, as a file stores it.
struct AdaptedLayer {
  std::string component;  ///< the folder in the checkpoint
  std::string name;       ///< of the layer in it, without ".weight"
  std::string down, up;   ///< names of the tensors
  int64_t rank = 0;
  double scale = 1;  ///< alpha/rank
};

/// A file of low-rank updates (LoRA) for layers of a model, in one of the spellings of
/// docs/adapters.md.
class AdapterFile {
 public:
  /// Opens a safetensors file, or a folder as PEFT or diffusers write it. Checks every tensor's
  /// name, shape and type before any is read. Throws kNotFound; kCorruptFile, naming the tensor,
  /// for one that belongs to no layer of the model, has a wrong shape, or lacks its counterpart;
  /// kUnsupported for a variant that is not a plain LoRA.
  static AdapterFile open(const std::filesystem::path& path, const AdapterTargets& targets);

  /// The file's or the folder's name without ".safetensors". Arbitrary bytes.
  const std::string& name() const { return name_; }
  /// The safetensors file.
  const std::filesystem::path& path() const { return file_->file().path(); }
  /// In the order of component and name.
  const std::vector<AdaptedLayer>& layers() const { return layers_; }
  bool changes(const std::string& component) const;
  /// Bytes of the file.
  int64_t bytes() const { return static_cast<int64_t>(file_->file().bytes().size()); }
  /// Bytes that the updates of a component take while they are attached, in a module of this type:
  /// their factors, and the file's pages that other types were converted from.
  int64_t attached_bytes(const std::string& component, at::ScalarType type) const;

  /// The update of a layer, with its scale times `scale`, of the type and on the device of
  /// `options`. Without a change of these, its factors are views of the mapped file. Throws
  /// kCorruptFile, naming the tensor, for a value that is not finite.
  nn::LowRankUpdate update(const AdaptedLayer& layer,
                           double scale,
                           const at::TensorOptions& options) const;
  /// Attaches the updates of a component's layers to its module. Updates of zeros are left out. The
  /// first call for a component reads its factors to check them; later ones only convert them.
  /// `cuts` are those of the module's weights, which its updates share.
  void attach_to(torch::nn::Module& module,
                 const std::string& component,
                 double scale,
                 const io::WeightCuts& cuts = {}) const;

 private:
  /// The layers whose factors are known to be finite, by the name of `down`, and whether their
  /// updates are other than zero.
  struct Checked {
    std::mutex mutex;
    std::map<std::string, bool> changes;
  };
  bool check(const AdaptedLayer& layer) const;

  std::string name_;
  std::shared_ptr<const io::SafetensorsFile> file_;
  std::vector<AdaptedLayer> layers_;
  std::shared_ptr<Checked> checked_ = std::make_shared<Checked>();
};

}  // namespace glm_image::adapters
