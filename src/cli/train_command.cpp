#include <algorithm>
#include <memory>

#include "cli/train_run.h"
#include "cli/translation.h"
#include "cli/whole_number.h"
#include "core/error.h"
#include "core/joined.h"
#include "nano/training/poster_keys.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"

namespace glm_image::cli {

namespace {

std::vector<std::string> all_stages() {
  auto stages = train::stage_names();
  stages.insert(stages.begin(), nano::kVocabularyStage);
  return stages;
}

/// Accepts former names too.
std::string check_stage(const std::string& name) {
  const auto stages = all_stages();
  const auto known = std::find(stages.begin(), stages.end(), train::present_stage_name(name));
  return known != stages.end() ? "" : "must be one of " + joined(stages, ", ") + "; found " + name;
}

/// The keys of a stage's config file.
std::string describe_keys(const std::string& stage) {
  train::KeyHelp help(translated);
  if (stage != nano::kVocabularyStage) train::describe_stage(stage, help);
  nano::describe_stage(stage, help);
  return "\n" + help.text();
}

}  // namespace

train::RunConfig load_run_config(const TrainOptions& options) {
  auto run_config = train::RunConfig::load(options.config);
  if (run_config.stage != train::present_stage_name(options.stage)) {
    fail(ErrorCode::kInvalidInput,
         options.config,
         " is a config of the stage '",
         run_config.stage,
         "', not of '",
         options.stage,
         "'");
  }
  return run_config;
}

void add_train_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("train", "Train one stage of a model, or an adapter (train lora --help)");
  const auto options = std::make_shared<TrainOptions>();
  // Required unless a sub-command is given, so that CLI11 cannot check it.
  auto* stage =
      command->add_option("stage", options->stage, tr("Stage: %1", {joined(all_stages(), ", ")}))
          ->check(check_stage)
          ->type_name("STAGE");
  auto* config = command->add_option("--config", options->config, "The stage's config file");
  command->add_option("--steps", options->steps, "Stop after this many steps of the whole run")
      ->transform(whole_number<int64_t>(1));
  command->add_option("--device", options->device, "Where to compute: cpu, cuda, npu:0, …")
      ->capture_default_str();
  command->add_option("--device-plugin", options->device_plugin, "Library of a device plugin");
  command->add_option("--threads", options->threads, "CPU threads")
      ->transform(whole_number<int64_t>(1));
  command
      ->add_option("--max-memory",
                   options->max_memory,
                   "Refuse weights and optimizer state beyond it, e.g. 8GB (default: what is free)")
      ->type_name("SIZE");
  add_training_cluster_options(*command, options->cluster);
  command->footer(
      "`glm-image train STAGE --help` lists the keys of its config.\n\n"
      "A run that was stopped or killed continues from its last checkpoint when the same command "
      "is\n"
      "given again. docs/training.md explains the stages.\n\n"
      "Examples:\n"
      "  glm-image train vae --config training/nano/vae.json\n"
      "  glm-image train transformer --help");
  // CLI11 handles --help when all arguments are parsed, in current versions before other callbacks.
  stage
      ->each([command](const std::string& given) {
        const auto name = train::present_stage_name(given);
        if (check_stage(name).empty()) {
          command->footer(describe_keys(name) + '\n' + command->get_footer());
        }
      })
      ->trigger_on_parse();
  add_train_lora_command(*command);
  command->callback([options, command, stage, config] {
    if (!command->get_subcommands().empty()) return;
    for (const auto* required : {stage, config}) {
      if (required->count() == 0) throw CLI::RequiredError(required->get_name());
    }
    run_train(*options);
  });
}

}  // namespace glm_image::cli
