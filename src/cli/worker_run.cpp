#include "cli/worker_run.h"

#include <iostream>

#include "cli/cluster_joining.h"
#include "cli/cluster_options.h"
#include "cli/interrupt.h"
#include "cli/model_hashing.h"
#include "cli/model_options.h"
#include "cli/residency_name.h"
#include "cli/translation.h"
#include "cluster/worker.h"
#include "core/error.h"
#if GLM_IMAGE_HAVE_TRAIN
#include "cli/train_worker_run.h"
#endif

namespace glm_image::cli {
namespace {

DataType type_named(const std::string& name) {
  return name == "float32" ? DataType::kFloat32 : DataType::kBFloat16;
}

/// "drawing 2 pictures on 3 ranks".
std::string work_text(const cluster::DrawPart& part) {
  const auto pictures = std::to_string(part.request.count);
  const auto ranks = std::to_string(part.ranks.size());
  if (part.ranks.size() == 1) {
    return part.request.count == 1 ? tr("drawing 1 picture")
                                   : tr("drawing %1 pictures", {pictures});
  }
  return part.request.count == 1 ? tr("drawing 1 picture on %1 ranks", {ranks})
                                 : tr("drawing %1 pictures on %2 ranks", {pictures, ranks});
}

/// Runs a worker. Its pipeline stays loaded from one coordinator to the next.
class WorkerRun {
 public:
  explicit WorkerRun(const WorkerOptions& options)
      : options_(options), loading_(pipeline_options(options.model)) {
    loading_.adapters = given_adapters(options.loras);
    loading_.adapter_folder = options.loras.folder;
    loading_.residency = residency_named(options.residency);
    joining_.address = cluster::parse_address(options.join, "--join");
    if (options.key_file) joining_.secret = cluster::Secret::load(*options.key_file);
    pipeline_.emplace(load_pipeline(options.model, loading_));
    model_ = hash_model(pipeline_->info(), options.quiet);
  }

  void run() {
    work_for_coordinators(options_.stay, [this] { draw_for_one_coordinator(); });
  }

 private:
  void say(const std::string& sentence) const {
    if (!options_.quiet) std::cerr << sentence << '\n';
  }

  void draw_for_one_coordinator() {
    const auto worker = join_when_there(options_.join, options_.quiet, [this] {
      return std::make_unique<cluster::Worker>(joining_, model_);
    });
    if (!worker) return;
    const auto& welcome = worker->welcome();
    say(tr("joined %1 as rank %2 of %3",
           {options_.join, std::to_string(welcome.rank), std::to_string(welcome.world)}));
    use_types(welcome);
    worker->run(*pipeline_, goes_on, [&](const cluster::DrawPart& part) { say(work_text(part)); });
    if (goes_on()) say(tr("the coordinator is done"));
  }

  /// All ranks compute in the coordinator's number types.
  void use_types(const cluster::Welcome& welcome) {
    const auto& info = pipeline_->info();
    if (info.dtype == welcome.dtype && info.vae_dtype == welcome.vae_dtype) return;
    loading_.dtype = type_named(welcome.dtype);
    loading_.vae_dtype = type_named(welcome.vae_dtype);
    say(tr("computing in %1, the VAE in %2", {welcome.dtype, welcome.vae_dtype}));
    pipeline_.reset();
    pipeline_.emplace(load_pipeline(options_.model, loading_));
  }

  const WorkerOptions& options_;
  PipelineOptions loading_;
  cluster::WorkerOptions joining_;
  std::optional<Pipeline> pipeline_;
  cluster::ModelFingerprint model_;
};

}  // namespace

void run_worker(const WorkerOptions& options) {
  check_cluster_address(options.join, "--join", options.key_file);
  survive_closed_connections();
#if GLM_IMAGE_HAVE_TRAIN
  if (options.train_in) return run_training_worker(options);
#endif
  WorkerRun(options).run();
}

}  // namespace glm_image::cli
