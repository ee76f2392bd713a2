#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/torch.h"

namespace glm_image::train {

/// Writes config.json and the module's weights (bfloat16) into the folder of a component.
void write_component(const std::filesystem::path& folder,
                     const nlohmann::json& config,
                     const torch::nn::Module& module,
                     const std::string& weights_file);

/// Binds a module, made with the options of `device` and `type`, to the weights of a component.
void load_component(const std::filesystem::path& folder,
                    torch::nn::Module& module,
                    const at::Device& device,
                    at::ScalarType type);

}  // namespace glm_image::train
