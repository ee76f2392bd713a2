#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Where adapters are and how they are called; adapters/adapter_file reads them.
namespace glm_image::adapters {

/// The safetensors file of an adapter: `path` itself, or the file in it if it is a folder as PEFT
/// or diffusers write it. Throws kNotFound for a folder without one.
std::filesystem::path adapter_weights(const std::filesystem::path& path);

/// Whether a file has a name that PEFT or diffusers give to every adapter.
bool has_fixed_name(const std::filesystem::path& file);

/// The name of the adapter that is, or would be, at this path: "style" of "loras/style.safetensors"
/// and of the folder "loras/style".
std::string adapter_name(const std::filesystem::path& path);

/// The adapters in a folder, not those in its sub-folders, sorted by name: safetensors files, and
/// folders as PEFT or diffusers write them. Throws kNotFound for a folder that cannot be read.
std::vector<std::filesystem::path> adapters_in(const std::filesystem::path& folder);

}  // namespace glm_image::adapters
