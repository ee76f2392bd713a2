#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

/// The sub-commands of glm-image. Each registers its options with the program; its action runs
/// after parsing and throws Error.
namespace glm_image::cli {

/// The options of every command that loads a model.
struct ModelOptions {
  std::string model;
  std::string device = "cpu";
  std::string device_plugin;
  std::string dtype = "auto";
  std::string vae_dtype = "auto";
  int threads = 0;
  std::optional<std::string> max_memory;
  bool strict = false;
};
void add_model_options(CLI::App& command, ModelOptions& options);

void add_generate_command(CLI::App& app);
void add_edit_command(CLI::App& app);
void add_batch_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_metadata_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_self_test_command(CLI::App& app);
void add_merge_command(CLI::App& app);
/// Writes manual pages and completions of all commands that are registered when it runs.
void add_reference_command(CLI::App& app);
#if GLM_IMAGE_HAVE_CLUSTER
void add_worker_command(CLI::App& app);
void add_plan_command(CLI::App& app);
#endif
#if GLM_IMAGE_HAVE_SERVER
void add_serve_command(CLI::App& app);
#endif
#if GLM_IMAGE_HAVE_TRAIN
void add_train_command(CLI::App& app);
/// `train`: the command of add_train_command.
void add_train_lora_command(CLI::App& train);
void add_data_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
#endif

}  // namespace glm_image::cli
