#include "cli/train_run.h"

#include <algorithm>
#include <iostream>

#include "cli/interrupt.h"
#include "cli/loss_plot.h"
#include "cli/model_options.h"
#include "cli/status_line.h"
#include "cli/train_cluster_run.h"
#include "cli/training_progress.h"
#include "cli/translation.h"
#include "core/cpu_threads.h"
#include "core/device.h"
#include "core/error.h"
#include "core/tensor_memory.h"
#include "nano/training/make_stage.h"
#include "nano/training/vocabulary.h"
#include "train/config/stage_names.h"
#include "train/run/training_inputs.h"
#include "train/train.h"

namespace glm_image::cli {
namespace {

void show_warning(const std::string& warning) {
  std::cerr << tr("warning: %1", {translated(warning)}) << '\n';
}

void train_vocabulary(const std::string& config) {
  constexpr int64_t kCaptionsPerLine = 5000;
  nano::train_vocabulary(nano::VocabularyConfig::load(config), [](int64_t captions, int64_t total) {
    if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
    if (captions % kCaptionsPerLine != 0 && captions != total) return;
    std::cerr << tr("read %1 of %2 captions", {std::to_string(captions), std::to_string(total)})
              << '\n';
  });
}

/// Refuses a cluster whose other ranks would have nothing to compute, before it waits for them.
void check_division(const TrainOptions& options, const train::TrainingConfig& config) {
  if (!options.cluster.address || config.loop.accumulate > 1 || nano::divides_batches(config)) {
    return;
  }
  const int64_t world = options.cluster.world.value_or(2);
  const auto same = config.batch % world == 0
                        ? concat(". For the same number of examples per step: batch ",
                                 config.batch / world,
                                 ", gradient_accumulation_steps ",
                                 world)
                        : std::string();
  fail(ErrorCode::kInvalidInput,
       options.config,
       ": gradient_accumulation_steps must be at least 2 with --cluster, found 1: the stage '",
       config.stage,
       "' on posters has losses over whole batches, which the machines cannot divide",
       same);
}

/// The settings that the workers of a cluster receive.
TrainingTask task_of(const TrainOptions& options, const train::TrainingConfig& config) {
  const std::filesystem::path file(options.config);
  TrainingTask task;
  task.settings = {{"kind", "stage"},
                   {"file", file.filename().string()},
                   {"text", io::read_text_file(file, io::kMaxJsonBytes)},
                   {"steps", config.loop.steps}};
  task.folders = train::training_inputs(config);
  return task;
}

}  // namespace

void run_train(const TrainOptions& options) {
  const int64_t max_memory = parse_max_memory(options.max_memory);
  keep_tensor_memory();
  at::set_num_threads(cpu_threads(options.threads));
  if (!options.device_plugin.empty()) load_device_plugin(options.device_plugin);
  const auto device = parse_device(options.device);
  const auto run_config = load_run_config(options);
  if (options.stage != run_config.stage) {
    show_warning(concat("the stage '",
                        options.stage,
                        "' is now called '",
                        run_config.stage,
                        "'; the next version will not accept the former name"));
  }
  std::cerr << tr("training %1 in %2", {run_config.stage, run_config.run.string()}) << '\n';
  if (run_config.stage == nano::kVocabularyStage) {
    if (options.cluster.address) {
      fail(ErrorCode::kInvalidInput, "--cluster: the stage 'vocabulary' is learnt on one machine");
    }
    train_vocabulary(options.config);
    return;
  }
  auto config = train::TrainingConfig::load(options.config);
  if (options.steps > 0) config.loop.steps = std::min(config.loop.steps, options.steps);
  check_division(options, config);

  StatusLine status;
  train::LoopCallbacks callbacks;
  callbacks.progress = [&](const train::LoopProgress& progress) {
    status.show(training_progress_text(progress, config.batch * config.loop.accumulate),
                progress.step == progress.steps);
  };
  callbacks.warn = show_warning;
  callbacks.should_stop = [] { return interrupted_by() != 0; };
  callbacks.saved = write_loss_plot;
  int64_t next_step = 0;
  const auto task = options.cluster.address ? task_of(options, config) : TrainingTask();
  train_together(options.cluster, task, [&](train::Ranks& ranks) {
    // Called again when a machine is lost: the warnings are those of one call.
    auto again = config;
    again.warnings = std::make_shared<std::vector<std::string>>(*config.warnings);
    next_step = train::train(again, device, callbacks, max_memory, nano::make_stage, &ranks);
  });
  if (next_step < config.loop.steps) {
    std::cerr << '\n'
              << tr("stopped and saved at step %1; the same command continues from there",
                    {std::to_string(next_step)})
              << '\n';
    // Exit with a failure code so that `a && b` does not start b.
    fail(ErrorCode::kCancelled, "stopped");
  }
}

}  // namespace glm_image::cli
