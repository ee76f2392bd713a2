#pragma once

#include <filesystem>
#include <string>

namespace glm_image::pipeline {

/// Returns the folder of the checkpoint at `given`: the folder itself, or a snapshot if `given` is
/// a repository's folder `models--<owner>--<name>` in a Hugging Face cache, or its `snapshots/`.
/// There `refs/main` names the snapshot; without it, the only snapshot is used. Throws kNotFound if
/// `given` is not a folder or the snapshot is ambiguous.
std::filesystem::path checkpoint_folder(const std::filesystem::path& given);

/// Returns the model's name: the folder's name or, in a Hugging Face cache, the repository's name
/// ("GLM-Image" for models--zai-org--GLM-Image). Valid UTF-8.
std::string checkpoint_name(const std::filesystem::path& directory);

}  // namespace glm_image::pipeline
