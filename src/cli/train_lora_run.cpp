#include "cli/train_lora_run.h"

#include <algorithm>
#include <iostream>

#include "adapters/adapter_folder.h"
#include "cli/interrupt.h"
#include "cli/lora_options.h"
#include "cli/loss_plot.h"
#include "cli/model_location.h"
#include "cli/model_options.h"
#include "cli/status_line.h"
#include "cli/train_cluster_run.h"
#include "cli/training_progress.h"
#include "cli/translation.h"
#include "core/error.h"
#include "core/tensor_memory.h"
#include "train/lora/train_lora.h"

namespace glm_image::cli {

train::LoraOptions lora_settings(const TrainLoraOptions& options) {
  const auto& keys = options.keys;
  const auto has = [&](const char* part) {
    return std::find(keys.parts.begin(), keys.parts.end(), part) != keys.parts.end();
  };
  train::LoraOptions training;
  training.model = locate_model(options.model.model);
  training.data = keys.data;
  training.output = keys.output;
  training.trigger = keys.pictures.trigger;
  training.prior_data = keys.prior_data;
  training.prior_loss_weight = keys.prior_loss_weight;
  training.input_dropout = keys.input_dropout;
  training.transformer = has("transformer");
  training.generator = has("generator");
  training.rank = keys.rank;
  training.alpha = keys.alpha;
  training.all_layers = keys.all_layers;
  training.steps = keys.steps;
  training.learning_rate = keys.learning_rate;
  training.lr_scheduler = keys.lr_scheduler;
  training.size = keys.pictures.size;
  training.batch = keys.batch;
  training.accumulate = keys.accumulate;
  training.seed = static_cast<uint64_t>(keys.seed);
  training.checkpoint_seconds = keys.checkpoint_seconds;
  training.save_every = keys.save_every;
  training.cache = keys.cache;
  training.recompute = !keys.keep_activations;
  training.base = keys.base;
  training.sample_prompts = keys.sample_prompt;
  training.samples_every = keys.samples_every;
  training.sample_steps = keys.sample_steps;
  training.pipeline = pipeline_options(options.model);
  training.pipeline.adapters = given_adapters({keys.lora, /*folder=*/""});
  return training;
}

std::map<std::string, std::filesystem::path> lora_inputs(const train::LoraOptions& training) {
  std::map<std::string, std::filesystem::path> folders = {{"data", training.data}};
  if (!training.prior_data.empty()) folders["prior_data"] = training.prior_data;
  for (const auto& adapter : training.pipeline.adapters) {
    folders["lora " + adapters::adapter_name(adapter.path)] = adapter.path;
  }
  return folders;
}

namespace {

/// The keys that all machines of a cluster have in common, as the text of a config. Folders, memory
/// and the cache are each machine's own.
std::string shared_keys(train::LoraKeys keys) {
  for (auto* own : {&keys.model, &keys.output, &keys.cache, &keys.max_memory}) own->clear();
  train::KeyWriter writer;
  keys.visit(writer);
  return writer.json().dump();
}

/// The settings that the workers of a cluster receive.
TrainingTask task_of(const TrainLoraOptions& options, const train::LoraOptions& training) {
  TrainingTask task;
  task.settings = {{"kind", "lora"}, {"text", shared_keys(options.keys)}};
  task.folders = lora_inputs(training);
  task.model = training.model;
  return task;
}

}  // namespace

void run_train_lora(const TrainLoraOptions& options) {
  keep_tensor_memory();
  const auto training = lora_settings(options);
  at::set_num_threads(training.pipeline.threads);
  const auto task = options.cluster.address ? task_of(options, training) : TrainingTask();

  StatusLine status;
  train::LoraCallbacks callbacks;
  callbacks.note = [](const std::string& sentence) { std::cerr << translated(sentence) << '\n'; };
  callbacks.preparing = [&](const char* what, int64_t done, int64_t total) {
    status.show(
        tr("%1: %2 of %3 pictures", {tr(what), std::to_string(done), std::to_string(total)}),
        done == total);
  };
  callbacks.progress = [&](const std::string& part, const train::LoopProgress& progress) {
    status.show(
        part + ": " + training_progress_text(progress, training.batch * training.accumulate),
        progress.step == progress.steps);
  };
  callbacks.should_stop = [] { return interrupted_by() != 0; };
  callbacks.saved = write_loss_plot;
  bool is_complete = false;
  train_together(options.cluster, task, [&](train::Ranks& ranks) {
    is_complete = train::train_lora(training, callbacks, &ranks);
  });
  if (!is_complete) {
    std::cerr << '\n' << tr("stopped and saved; the same command continues from there") << '\n';
    // Exit with a failure code so that `a && b` does not start b.
    fail(ErrorCode::kCancelled, "stopped");
  }
  std::cout << options.keys.output << '\n';
}

}  // namespace glm_image::cli
