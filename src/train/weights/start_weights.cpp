#include "train/weights/start_weights.h"

#include "core/error.h"
#include "io/weight_binding.h"
#include "train/weights/finite_weights.h"
#include "train/weights/training_file.h"

namespace glm_image::train {
namespace {

constexpr const char* kTrainingModules = "training_modules.safetensors";

void check_weight(const std::string& source, const std::string& name, const Tensor& tensor) {
  if (!tensor.is_floating_point()) {
    fail(ErrorCode::kCorruptFile,
         source,
         ": the tensor '",
         name,
         "' must be of a floating type, found ",
         c10::toString(tensor.scalar_type()));
  }
  check_finite(source, name, tensor);
}

}  // namespace

StartWeights::StartWeights(const std::filesystem::path& checkpoint,
                           const std::vector<TrainedModule>& modules) {
  for (const auto& trained : modules) {
    if (trained.component.empty()) continue;
    const auto set = io::WeightSet::open(checkpoint / trained.component);
    for (const auto& item : trained.module->named_parameters()) {
      const auto name = trained.prefix + item.key();
      const auto* location = set.find(name);
      if (!location)
        fail(ErrorCode::kCorruptFile, set.source_of(name), ": lacks the tensor ", name);
      const auto tensor = location->file->tensor(name);
      if (tensor.sizes() != item.value().sizes()) {
        fail(ErrorCode::kCorruptFile,
             set.source_of(name),
             ": ",
             name,
             " must be ",
             io::shape_text(item.value().sizes()),
             " for this run's model, found ",
             io::shape_text(tensor.sizes()));
      }
      check_weight(set.source_of(name), name, tensor);
      weights_[trained.name + "." + item.key()] = tensor;
    }
  }
  const auto path = checkpoint / kTrainingModules;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const auto file = open_training_file(
      path, ": is cut short or damaged; the command of the run that wrote it writes it again");
  for (const auto& trained : modules) {
    if (!trained.component.empty()) continue;
    for (const auto& item : trained.module->named_parameters()) {
      const auto name = trained.name + "." + item.key();
      const auto found = file->header().tensors.find(name);
      // The shapes differ if the data's classes have changed since.
      if (found == file->header().tensors.end()) continue;
      const auto tensor = file->tensor(name);
      if (tensor.sizes() != item.value().sizes()) continue;
      check_weight(path.string(), name, tensor);
      weights_[name] = tensor;
    }
  }
}

bool StartWeights::fill(const std::string& name, Tensor& weight) const {
  const auto found = weights_.find(name);
  if (found == weights_.end()) return false;
  weight.copy_(found->second);
  return true;
}

void write_training_modules(const std::filesystem::path& components,
                            const std::vector<TrainedModule>& modules) {
  NamedTensors tensors;
  for (const auto& trained : modules) {
    if (!trained.component.empty()) continue;
    for (const auto& item : trained.module->named_parameters()) {
      tensors.emplace_back(trained.name + "." + item.key(),
                           item.value().detach().cpu().contiguous());
    }
  }
  if (!tensors.empty()) io::write_safetensors(components / kTrainingModules, tensors, {});
}

}  // namespace glm_image::train
