#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_folder.h"
#include "core/torch.h"

namespace glm_image::train {

/// Writes config.json and the module's weights (bfloat16) into the folder of a component.
void write_component(const std::filesystem::path& folder,
                     const nlohmann::json& config,
                     const torch::nn::Module& module,
                     const std::string& weights_file);

/// Copies a config or another small text file into a folder, which is made if it is not there.
void copy_text_file(const std::filesystem::path& file, const std::filesystem::path& folder);

/// Binds a module, made with the options of `device` and `type`, to the weights of a component.
/// `allowed_unexpected`: as in io::BindingOptions. Throws as io::bind_weights does, and
/// kCorruptFile for a value that is not finite.
void load_component(const std::filesystem::path& folder,
                    torch::nn::Module& module,
                    const at::Device& device,
                    at::ScalarType type,
                    const std::vector<std::string>& allowed_unexpected = {});

}  // namespace glm_image::train
