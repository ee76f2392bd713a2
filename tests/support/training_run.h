#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::test {

/// Writes the config of a short VAE run that saves after every step. Returns its path.
std::string write_vae_run(const std::filesystem::path& folder, int steps);

/// The command that starts or resumes this run.
std::vector<std::string> vae_run_command(const std::string& config);

/// The loss of every step. The test fails if a loss is not finite.
std::vector<double> vae_run_losses(const std::filesystem::path& folder);

}  // namespace glm_image::test
