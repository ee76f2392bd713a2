#include "train/weights/component_files.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "io/weight_binding.h"
#include "train/weights/finite_weights.h"

namespace glm_image::train {

void write_component(const std::filesystem::path& folder,
                     const nlohmann::json& config,
                     const torch::nn::Module& module,
                     const std::string& weights_file) {
  create_folder(folder);
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& item : module.named_parameters()) {
    tensors.emplace_back(item.key(), item.value().detach().to(at::kBFloat16));
  }
  io::write_safetensors(folder / weights_file, tensors, {{"format", "pt"}});
  write_file_atomically(folder / "config.json", config.dump(2) + "\n");
}

void copy_text_file(const std::filesystem::path& file, const std::filesystem::path& folder) {
  create_folder(folder);
  write_file_atomically(folder / file.filename(), io::read_text_file(file, io::kMaxJsonBytes));
}

void load_component(const std::filesystem::path& folder,
                    torch::nn::Module& module,
                    const at::Device& device,
                    at::ScalarType type,
                    const std::vector<std::string>& allowed_unexpected) {
  at::NoGradGuard no_grad;
  io::BindingOptions options;
  options.device = device;
  options.dtype = type;
  options.allowed_unexpected = allowed_unexpected;
  const auto weights = io::WeightSet::open(folder);
  io::bind_weights(module, weights, options);
  for (const auto& name : module.named_parameters().keys()) {
    check_finite(weights.source_of(name), name, weights.find(name)->file->tensor(name));
  }
}

}  // namespace glm_image::train
