#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/status_line.h"
#include "cli/whole_number.h"
#include "core/cpu_threads.h"
#include "core/device.h"
#include "core/error.h"
#include "core/tensor_memory.h"
#include "train/train.h"
#include "train/vocabulary.h"

namespace glm_image::cli {
namespace {

struct TrainOptions {
  std::string stage;
  std::string config;
  std::string device = "cpu";
  std::string device_plugin;
  int threads = 0;
  int64_t steps = 0;
};

std::string progress_text(const train::LoopProgress& progress, int64_t batch) {
  const double left =
      progress.seconds_per_step * static_cast<double>(progress.steps - progress.step);
  char loss[32] = "not finite";
  if (std::isfinite(progress.loss)) std::snprintf(loss, sizeof loss, "%.4f", progress.loss);
  char text[160];
  std::snprintf(text,
                sizeof text,
                "step %ld of %ld  loss %s  %.1f samples/s  %s left",
                static_cast<long>(progress.step),
                static_cast<long>(progress.steps),
                loss,
                static_cast<double>(batch) / progress.seconds_per_step,
                clock_text(left).c_str());
  return text;
}

void train_vocabulary(const std::string& config) {
  constexpr int64_t kCaptionsPerLine = 5000;
  train::train_vocabulary(train::VocabularyConfig::load(config),
                          [](int64_t captions, int64_t total) {
                            if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
                            if (captions % kCaptionsPerLine != 0 && captions != total) return;
                            std::fprintf(stderr,
                                         "read %ld of %ld captions\n",
                                         static_cast<long>(captions),
                                         static_cast<long>(total));
                          });
}

void run(const TrainOptions& options) {
  keep_tensor_memory();
  at::set_num_threads(cpu_threads(options.threads));
  if (!options.device_plugin.empty()) load_device_plugin(options.device_plugin);
  const auto device = parse_device(options.device);
  const auto run_config = train::RunConfig::load(options.config);
  if (run_config.stage != options.stage) {
    fail(ErrorCode::kInvalidInput,
         options.config,
         " is a config of the stage '",
         run_config.stage,
         "', not of '",
         options.stage,
         "'");
  }
  std::fprintf(stderr, "training %s in %s\n", run_config.stage.c_str(), run_config.run.c_str());
  if (run_config.stage == train::kVocabularyStage) {
    train_vocabulary(options.config);
    return;
  }
  auto config = train::TrainingConfig::load(options.config);
  if (options.steps > 0) config.loop.steps = std::min(config.loop.steps, options.steps);

  StatusLine status;
  train::LoopCallbacks callbacks;
  callbacks.progress = [&](const train::LoopProgress& progress) {
    status.show(progress_text(progress, config.batch * config.loop.accumulate),
                progress.step == progress.steps);
  };
  callbacks.should_stop = [] { return interrupted_by() != 0; };
  const auto next_step = train::train(config, device, callbacks);
  if (next_step < config.loop.steps) {
    std::fprintf(stderr,
                 "\nstopped and saved at step %ld; the same command goes on from there\n",
                 static_cast<long>(next_step));
    // Not a success, or a shell's next command would begin.
    fail(ErrorCode::kCancelled, "stopped");
  }
}

}  // namespace

void add_train_command(CLI::App& app) {
  auto* command = app.add_subcommand("train", "Train one stage of a model");
  const auto options = std::make_shared<TrainOptions>();
  command->add_option("stage", options->stage, "Stage")
      ->required()
      ->check(CLI::IsMember(train::stage_names()));
  command->add_option("--config", options->config, "The stage's config file")->required();
  command->add_option("--steps", options->steps, "Stop after this many steps of the whole run")
      ->transform(whole_number<int64_t>(1));
  command->add_option("--device", options->device, "Where to compute: cpu, cuda, npu:0, …")
      ->capture_default_str();
  command->add_option("--device-plugin", options->device_plugin, "Library of a device plugin");
  command->add_option("--threads", options->threads, "CPU threads")
      ->transform(whole_number<int64_t>(1));
  command->footer(
      "A run that was stopped, or killed, goes on from its last checkpoint when the same command\n"
      "is given again.\n\n"
      "Example:\n"
      "  glm-image train vae --config training/nano/vae.json");
  command->callback([options] { run(*options); });
}

}  // namespace glm_image::cli
