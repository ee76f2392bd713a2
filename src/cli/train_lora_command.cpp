#include <memory>

#include "cli/train_lora_run.h"
#include "cli/training_options.h"
#include "core/error.h"

namespace glm_image::cli {
namespace {

/// The variables of the command line's options.
struct CommandLine {
  std::string config;
  train::LoraKeys keys;
  ModelOptions model;
  ClusterOptions cluster;
};

/// Refuses settings of samples where no sample is drawn. A config may name the defaults.
void check_sample_options(const CLI::App& command, const train::LoraKeys& keys) {
  if (!keys.sample_prompt.empty()) return;
  const train::LoraKeys defaults;
  for (const auto& [name, is_default] :
       {std::pair("--samples-every", keys.samples_every == defaults.samples_every),
        std::pair("--sample-steps", keys.sample_steps == defaults.sample_steps)}) {
    if (is_default && command.count(name) == 0) continue;
    fail(ErrorCode::kInvalidInput, name, " needs --sample-prompt PROMPT");
  }
}

/// The config file's keys, overridden by the options.
TrainLoraOptions combined(const CLI::App& command, const CommandLine& line) {
  TrainLoraOptions options{{}, line.model, line.cluster};
  // An empty name is usually an unset variable of a shell.
  if (command.count("--config") > 0 && line.config.empty()) {
    fail(ErrorCode::kInvalidInput, "--config must name a file; found ''");
  }
  if (command.count("--prior-data") > 0 && line.keys.prior_data.empty()) {
    fail(ErrorCode::kInvalidInput, "--prior-data must name a folder; found ''");
  }
  if (!line.config.empty()) options.keys = train::LoraKeys::load(line.config);
  GivenOptions given(command);
  options.keys.visit(given);
  for (const auto& [value, name] :
       {std::pair(&options.keys.data, "--data"), std::pair(&options.keys.output, "--output")}) {
    if (value->empty()) throw CLI::RequiredError(name);
  }
  const bool has_weight = command.count("--prior-loss-weight") > 0 ||
                          options.keys.prior_loss_weight != train::LoraKeys().prior_loss_weight;
  if (has_weight && options.keys.prior_data.empty()) {
    fail(ErrorCode::kInvalidInput, "--prior-loss-weight needs --prior-data FOLDER");
  }
  check_sample_options(command, options.keys);
  options.model.model = options.keys.model;
  options.model.dtype = options.keys.dtype;
  // An option with an empty value is kept: it is an error.
  if (!options.model.max_memory && !options.keys.max_memory.empty()) {
    options.model.max_memory = options.keys.max_memory;
  }
  return options;
}

}  // namespace

void add_train_lora_command(CLI::App& train) {
  auto* command = train.add_subcommand("lora", "Fine-tune a model on a folder of pictures");
  const auto line = std::make_shared<CommandLine>();
  add_model_options(*command, line->model);
  command
      ->add_option(
          "--config", line->config, "JSON file of options: their names without --, with _ for -")
      ->type_name("FILE");
  command->add_option("-o,--output", line->keys.output, "The adapter to write")
      ->type_name("NAME.safetensors");
  add_picture_options(*command, line->keys.pictures.size, line->keys.pictures.trigger);
  KeyOptions others(*command);
  line->keys.visit(others);
  add_training_cluster_options(*command, line->cluster);
  command->footer(
      "The weights of the model stay as they are, also quantised ones; only the adapter learns.\n"
      "The run's state is in NAME.run: a run that was stopped or killed continues when the same\n"
      "command is given again. docs/fine-tuning.md leads from a folder to a picture.\n\n"
      "Examples:\n"
      "  glm-image train lora --model models/glm-image --data photos -o zorblax.safetensors \\\n"
      "      --trigger zorblax --steps 1000 --sample-prompt 'A zorblax beside a blue door'\n"
      "  glm-image train lora --model models/nano --data posters -o style.safetensors \\\n"
      "      --size 256 --batch 4 --learning-rate 1e-3 --parts transformer\n"
      "  glm-image train lora --model models/glm-image --data photos -o zorblax.safetensors \\\n"
      "      --trigger zorblax --prior-data drawings\n"
      "  glm-image train lora --config zorblax.json --max-memory 12GB");
  command->callback([command, line] { run_train_lora(combined(*command, *line)); });
}

}  // namespace glm_image::cli
