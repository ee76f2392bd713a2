#pragma once

#include <functional>

#include "train/lora/adapter_stage.h"
#include "train/picture_folder.h"
#include "train/run/training_loop.h"

/// What the tests of the stages of adapters share.
namespace glm_image::test {

inline void add_an_edit(const std::filesystem::path& folder) {
  image::write_image(folder / "after.png", plain_picture(64, 64, 1));
  image::write_image(folder / "before.png", plain_picture(64, 96, 2));
  image::write_image(folder / "other.png", plain_picture(64, 64, 5));
  add_row(folder,
          {{"file_name", "after.png"},
           {"text", "Make it red"},
           {"reference", {"before.png", "other.png"}}});
}

inline PipelineOptions training_options(DataType dtype) {
  PipelineOptions options;
  options.dtype = dtype;
  options.vae_dtype = DataType::kFloat32;
  return options;
}

/// What stages read, computed for a folder.
struct ToyData {
  ToyData(const std::function<void(const std::filesystem::path&)>& fill,
          const std::filesystem::path& model,
          DataType dtype = DataType::kAuto)
      : data(filled(folder.path(), fill)),
        checkpoint(pipeline::Checkpoint::open(model, training_options(dtype))),
        features(
            data, train::AspectBuckets(64), checkpoint, /*max_reference_tokens=*/4, cache.path()) {
    features.compute({}, {});
  }
  static train::FolderDataset filled(
      const std::filesystem::path& folder,
      const std::function<void(const std::filesystem::path&)>& fill) {
    fill(folder);
    return train::FolderDataset({folder, ""});
  }

  TemporaryDirectory folder, cache;
  train::FolderDataset data;
  pipeline::Checkpoint checkpoint;
  train::DataFeatures features;
};

inline train::AdapterStageOptions stage_options(int64_t batch, bool recompute = true) {
  train::AdapterStageOptions options;
  options.rank = options.alpha = 8;
  options.all_layers = true;
  options.batch = batch;
  options.recompute = recompute;
  return options;
}

/// A stage with weights as a run begins with.
template <typename AnyStage>
struct BegunStage {
  BegunStage(const ToyData& toy, const train::AdapterStageOptions& options)
      : stage(toy.checkpoint, toy.features, options),
        weights(stage.modules(), at::kFloat, at::kCPU, {}) {}

  double mean_loss(int64_t steps) {
    const at::NoGradGuard no_grad;
    const auto maker = stage.batch_maker();
    double sum = 0;
    for (int64_t step = 0; step < steps; ++step) {
      sum += stage.forward(maker(step), step).loss.template item<double>();
    }
    return sum / static_cast<double>(steps);
  }

  AnyStage stage;
  train::MixedPrecisionAdamW weights;
};

/// Trains for some steps in a run folder that is then removed.
template <typename AnyStage>
void train_for(BegunStage<AnyStage>& begun, int64_t steps) {
  TemporaryDirectory run;
  train::RunFolder folder(run.path());
  train::LoopOptions loop;
  loop.steps = steps;
  loop.learning_rate = {5e-3, 5e-3, 5, steps};
  loop.samples_every = 0;
  train::run_training(begun.stage, begun.weights, folder, loop, {});
}

}  // namespace glm_image::test
