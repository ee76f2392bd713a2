#pragma once

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "nn/modules.h"
#include "support/test_support.h"
#include "train/run/training_loop.h"
#include "train/seeds.h"

namespace glm_image::test {

/// Fits a matrix to random points, which depend on the index of the batch.
class LineStage : public train::Stage {
 public:
  std::vector<train::TrainedModule> modules() override { return {{"line", line_.get()}}; }
  void initialise(const std::string& /*name*/, Tensor& weight, at::Generator& random) override {
    weight.normal_(0, 1, random);
  }
  train::BatchMaker batch_maker() override {
    ++makers;
    return [this](int64_t step) -> train::Batch {
      if (step == fails_at) fail(ErrorCode::kCorruptFile, "no data for step ", step);
      auto random = make_random(train::mix_seed(7, 1, step));
      return {{"x", at::randn({8, 3}, random, at::TensorOptions(at::kFloat))},
              {"number", torch::tensor(step)}};
    };
  }
  train::Outcome forward(const train::Batch& batch, int64_t step) override {
    forward_steps.push_back(step);
    batch_numbers.push_back(batch.at("number").item<int64_t>());
    auto random = make_random(train::mix_seed(7, 2, step));
    const auto& x = batch.at("x");
    const auto noise = 0.01 * at::randn({8, 1}, random, at::TensorOptions(at::kFloat));
    auto loss = (line_->forward(x) - (x.sum(1, /*keepdim=*/true) + 2 + noise)).square().mean();
    const auto nan = at::full({}, std::nan(""));
    const train::Outcome outcome{
        loss, {{"twice", 2 * loss.detach()}, {"even", step % 2 == 0 ? loss.detach() : nan}}};
    losses.push_back(loss.item<double>());
    if (spoil && step >= spoilt_from && step < spoilt_until) return {spoil(loss), outcome.parts};
    return outcome;
  }
  void after_step(int64_t /*step*/) override { counted_.add_(1); }
  train::NamedTensors state() override { return {{"stage.counted", counted_}}; }
  Image sample_sheet() override { return {1, 1, {0, 0, 0}}; }
  void write_components(const std::filesystem::path& folder) override {
    std::filesystem::create_directories(folder);
  }

  int64_t fails_at = -1;
  /// Changes the loss of the batches spoilt_from … spoilt_until − 1.
  std::function<Tensor(const Tensor& loss)> spoil;
  int64_t spoilt_from = 0, spoilt_until = 1000000;
  int64_t makers = 0;
  /// Per call of forward: its step, its batch's index, and the loss before it was changed.
  std::vector<int64_t> forward_steps, batch_numbers;
  std::vector<double> losses;
  double counted() const { return counted_.item<double>(); }
  Tensor weight() const { return line_->weight.detach().clone(); }

 private:
  nn::Linear line_{3, 1, at::TensorOptions(at::kFloat)};
  Tensor counted_ = at::zeros({});
};

inline train::LoopOptions options_of(int64_t steps) {
  train::LoopOptions options;
  options.steps = steps;
  options.learning_rate = {0.05, 0.001, 5, steps};
  options.metrics_every = 1;
  options.samples_every = 1000;
  options.identity = "line";
  return options;
}

struct Run {
  std::vector<train::Metrics> history;
  Tensor weight;
  int64_t next_step;
  double counted;
};

/// Runs the stage with its own weights until it is done or stopped.
inline Run run(LineStage& stage,
               const std::filesystem::path& folder,
               const train::LoopOptions& options,
               const train::LoopCallbacks& callbacks = {}) {
  train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
  train::RunFolder run_folder(folder);
  const auto next = train::run_training(stage, weights, run_folder, options, callbacks);
  return {run_folder.history(), stage.weight(), next, stage.counted()};
}

inline Run run(const std::filesystem::path& folder,
               const train::LoopOptions& options,
               const train::LoopCallbacks& callbacks = {}) {
  LineStage stage;
  return run(stage, folder, options, callbacks);
}

/// Asks a run to stop after `steps` steps.
inline train::LoopCallbacks stop_after(int64_t steps) {
  train::LoopCallbacks callbacks;
  callbacks.should_stop = [left = steps]() mutable { return --left == 0; };
  return callbacks;
}

}  // namespace glm_image::test
