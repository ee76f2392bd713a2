#pragma once

#include <CLI/CLI.hpp>

/// The sub-commands of glm-image. Each registers its options with the program; its action runs
/// after parsing and throws Error.
namespace glm_image::cli {

/// The options of every command that loads a model.
struct ModelOptions {
  std::string model;
  std::string device = "cpu";
  std::string device_plugin;
  std::string dtype = "auto";
  int threads = 0;
  bool strict = false;
};
void add_model_options(CLI::App& command, ModelOptions& options);

void add_generate_command(CLI::App& app);
void add_edit_command(CLI::App& app);
void add_info_command(CLI::App& app);
#if GLM_IMAGE_HAVE_SERVER
void add_serve_command(CLI::App& app);
#endif
#if GLM_IMAGE_HAVE_TRAIN
void add_train_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
#endif

}  // namespace glm_image::cli
