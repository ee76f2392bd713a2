#pragma once

#include <filesystem>
#include <string>

namespace glm_image::pipeline {

/// The folder of a checkpoint that `given` names: itself, or what a Hugging Face cache keeps below
/// it. There `models--<owner>--<name>/refs/main` names one of the folders of `snapshots/`; without
/// it the only snapshot is taken. `given` may also be `snapshots/`. Throws kNotFound when it is not
/// a folder or no snapshot can be chosen.
std::filesystem::path checkpoint_folder(const std::filesystem::path& given);

/// What the model is called: the folder's name, in a Hugging Face cache the name of the repository
/// ("GLM-Image" for models--zai-org--GLM-Image). Valid UTF-8.
std::string checkpoint_name(const std::filesystem::path& directory);

}  // namespace glm_image::pipeline
