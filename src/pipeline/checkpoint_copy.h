#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "io/safetensors.h"
#include "io/safetensors_writer.h"

/// Functions shared by the writers of modified copies of a checkpoint.
namespace glm_image::pipeline {

/// Called with the bytes written so far and in all; throws to stop.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Throws kOutput for a folder that exists, or that lies inside the model, which would then have to
/// be copied into itself.
void check_copy_output(const std::filesystem::path& model, const std::filesystem::path& output);

/// Copies a folder, following links, without the files that `skip` names. Throws kOutput.
void copy_folder(const std::filesystem::path& from,
                 const std::filesystem::path& to,
                 const std::function<bool(const std::filesystem::path&)>& skip);

/// Writes the bytes of a stored tensor, in pieces, and releases them from memory. Calls `written`
/// with the bytes of each piece.
void copy_tensor(io::SafetensorsWriter& writer,
                 const io::SafetensorsFile& file,
                 const io::TensorEntry& entry,
                 const std::function<void(uint64_t)>& written);

}  // namespace glm_image::pipeline
