#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_folder.h"
#include "core/torch.h"

namespace glm_image::train {

/// Writes config.json and the module's weights (as bfloat16) into a component's folder, which is
/// created if it does not exist. Throws kOutput when a file cannot be written.
void write_component(const std::filesystem::path& folder,
                     const nlohmann::json& config,
                     const torch::nn::Module& module,
                     const std::string& weights_file);

/// Copies a config or another small text file into `folder`, which is created if it does not exist.
void copy_text_file(const std::filesystem::path& file, const std::filesystem::path& folder);

/// Binds `module`, which was constructed with `device` and `type`, to the weights of a component.
/// `allowed_unexpected`: see io::BindingOptions. Throws as io::bind_weights does, and kCorruptFile
/// if a value is not finite.
void load_component(const std::filesystem::path& folder,
                    torch::nn::Module& module,
                    const at::Device& device,
                    at::ScalarType type,
                    const std::vector<std::string>& allowed_unexpected = {});

}  // namespace glm_image::train
