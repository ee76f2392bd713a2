#pragma once

#include <filesystem>
#include <string>

namespace glm_image::cli {

/// The file that lists the pictures of a reference folder (pipeline::test_reference).
inline constexpr const char* kReferenceCases = "cases.json";

/// The folder `given` (--reference), else the one beside the program; empty if neither exists.
std::filesystem::path reference_folder(const std::string& given);

/// Checks the kernels, and pictures with those of reference_folder(given). Throws kInternal if
/// anything is wrong.
void run_self_test(const std::string& given);

}  // namespace glm_image::cli
