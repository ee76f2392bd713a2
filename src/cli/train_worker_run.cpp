#include "cli/train_worker_run.h"

#include <algorithm>
#include <iostream>

#include "cli/cluster_joining.h"
#include "cli/model_hashing.h"
#include "cli/model_options.h"
#include "cli/status_line.h"
#include "cli/train_lora_run.h"
#include "cli/training_progress.h"
#include "cli/translation.h"
#include "cluster/training_worker.h"
#include "core/cpu_threads.h"
#include "core/device.h"
#include "core/error.h"
#include "core/tensor_memory.h"
#include "nano/training/make_stage.h"
#include "train/lora/train_lora.h"
#include "train/run/training_inputs.h"
#include "train/train.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

class TrainingWorkerRun {
 public:
  explicit TrainingWorkerRun(const WorkerOptions& options)
      : options_(options), folder_(*options.train_in) {
    joining_.address = cluster::parse_address(options.join, "--join");
    if (options.key_file) joining_.secret = cluster::Secret::load(*options.key_file);
    if (!fs::is_directory(folder_)) {
      fail(ErrorCode::kNotFound, "--train-in ", folder_.string(), ": there is no such folder");
    }
    keep_tensor_memory();
    at::set_num_threads(cpu_threads(options.model.threads));
    if (!options.model.device_plugin.empty()) load_device_plugin(options.model.device_plugin);
  }

  void run() {
    work_for_coordinators(options_.stay, [this] { train_for_one_coordinator(); });
  }

 private:
  void say(const std::string& sentence) const {
    if (!options_.quiet) std::cerr << sentence << '\n';
  }

  void train_for_one_coordinator() {
    const auto worker = join_when_there(options_.join, options_.quiet, [this] {
      return std::make_unique<cluster::TrainingWorker>(joining_);
    });
    if (!worker) return;
    const auto& welcome = worker->welcome();
    say(tr("joined %1 as rank %2 of %3",
           {options_.join, std::to_string(welcome.rank), std::to_string(welcome.world)}));
    try {
      if (welcome.task.at("kind") == "lora") {
        train_lora(*worker, welcome.task);
      } else {
        train_stage(*worker, welcome.task);
      }
    } catch (const nlohmann::json::exception& error) {
      fail(ErrorCode::kInternal, "the coordinator sent unknown settings: ", error.what());
    }
    if (goes_on()) say(tr("the coordinator is done"));
  }

  /// Rank 0 reports metrics; this shows that the worker takes part.
  void show(const train::LoopProgress& progress, int64_t batch) {
    if (options_.quiet) return;
    line_.show(training_progress_text(progress, batch), progress.step == progress.steps);
  }

  void train_stage(cluster::TrainingWorker& worker, const nlohmann::json& task) {
    const auto file = folder_ / task.at("file").get<std::string>();
    const auto config_of = [&] {
      auto config = train::TrainingConfig::parse(task.at("text").get<std::string>(), file);
      config.loop.steps = std::min(config.loop.steps, task.at("steps").get<int64_t>());
      return config;
    };
    const auto config = config_of();
    const auto device = parse_device(options_.model.device);
    const auto max_memory = parse_max_memory(options_.model.max_memory);
    train::LoopCallbacks callbacks;
    callbacks.progress = [&](const train::LoopProgress& progress) {
      show(progress, config.batch * config.loop.accumulate);
    };
    callbacks.should_stop = [] { return !goes_on(); };
    const auto files = hash_training(train::training_inputs(config), {}, options_.quiet);
    worker.run(
        files,
        [&](train::Ranks& ranks) {
          train::train(config_of(), device, callbacks, max_memory, nano::make_stage, &ranks);
        },
        goes_on);
  }

  void train_lora(cluster::TrainingWorker& worker, const nlohmann::json& task) {
    // As in a config file of the folder, from where relative data starts.
    TrainLoraOptions lora;
    lora.keys = train::LoraKeys::parse(task.at("text").get<std::string>(),
                                       folder_ / "the settings of the coordinator");
    lora.keys.output = "not-written-by-workers.safetensors";
    // The number type is the coordinator's; the rest is this machine's.
    lora.model = options_.model;
    lora.model.dtype = lora.keys.dtype;
    const auto training = lora_settings(lora);
    train::LoraCallbacks callbacks;
    callbacks.progress = [&](const std::string& /*part*/, const train::LoopProgress& progress) {
      show(progress, training.batch * training.accumulate);
    };
    callbacks.should_stop = [] { return !goes_on(); };
    const auto files = hash_training(lora_inputs(training), training.model, options_.quiet);
    worker.run(
        files,
        [&](train::Ranks& ranks) { train::train_lora(training, callbacks, &ranks); },
        goes_on);
  }

  const WorkerOptions& options_;
  const fs::path folder_;
  cluster::WorkerOptions joining_;
  StatusLine line_;
};

}  // namespace

void run_training_worker(const WorkerOptions& options) {
  TrainingWorkerRun(options).run();
}

}  // namespace glm_image::cli
