#include "train/training_loop.h"

#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "nn/modules.h"
#include "support/test_support.h"
#include "train/seeds.h"
#include "train/start_weights.h"

namespace glm_image::test {
namespace {

using train::Batch;

/// Fits a matrix to points drawn anew in every step.
class LineStage : public train::Stage {
 public:
  std::vector<train::TrainedModule> modules() override { return {{"line", line_.get()}}; }
  void initialise(const std::string& /*name*/, Tensor& weight, at::Generator& random) override {
    weight.normal_(0, 1, random);
  }
  train::BatchMaker batch_maker() override {
    ++makers;
    return [this](int64_t step) -> Batch {
      if (step == fails_at) fail(ErrorCode::kCorruptFile, "no data for step ", step);
      auto random = make_random(train::mix_seed(7, 1, step));
      return {{"x", at::randn({8, 3}, random, at::TensorOptions(at::kFloat))}};
    };
  }
  train::Outcome forward(const Batch& batch, int64_t step) override {
    auto random = make_random(train::mix_seed(7, 2, step));
    const auto& x = batch.at("x");
    const auto noise = 0.01 * at::randn({8, 1}, random, at::TensorOptions(at::kFloat));
    const auto loss =
        (line_->forward(x) - (x.sum(1, /*keepdim=*/true) + 2 + noise)).square().mean();
    const auto nan = at::full({}, std::nan(""));
    return {step >= spoilt_from ? loss * nan : loss,
            {{"twice", 2 * loss.detach()}, {"even", step % 2 == 0 ? loss.detach() : nan}}};
  }
  void after_step(int64_t /*step*/) override { counted_.add_(1); }
  train::NamedTensors state() override { return {{"stage.counted", counted_}}; }
  Image sample_sheet() override { return {1, 1, {0, 0, 0}}; }
  void write_components(const std::filesystem::path& folder) override {
    std::filesystem::create_directories(folder);
  }

  int64_t fails_at = -1;
  int64_t spoilt_from = 1000000;
  int64_t makers = 0;
  double counted() const { return counted_.item<double>(); }
  Tensor weight() const { return line_->weight.detach().clone(); }

 private:
  nn::Linear line_{3, 1, at::TensorOptions(at::kFloat)};
  Tensor counted_ = at::zeros({});
};

train::LoopOptions options_of(int64_t steps) {
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

Run run(const std::filesystem::path& folder,
        const train::LoopOptions& options,
        const train::LoopCallbacks& callbacks = {}) {
  LineStage stage;
  train::MasterWeights weights(stage.modules(), at::kFloat, at::kCPU, {});
  train::RunFolder run_folder(folder);
  const auto next = train::run_training(stage, weights, run_folder, options, callbacks);
  return {run_folder.history(), stage.weight(), next, stage.counted()};
}

void expect_same_curve(const Run& run, const Run& expected) {
  ASSERT_EQ(run.history.size(), expected.history.size());
  for (size_t i = 0; i < expected.history.size(); ++i) {
    EXPECT_EQ(run.history[i].step, expected.history[i].step);
    EXPECT_EQ(run.history[i].values.at("loss"), expected.history[i].values.at("loss")) << i;
  }
}

struct Killed {};

/// Ends a run without a word after so many steps.
train::LoopCallbacks kill_after(int64_t steps) {
  train::LoopCallbacks callbacks;
  callbacks.should_stop = [left = steps]() mutable -> bool {
    return --left == 0 ? throw Killed() : false;
  };
  return callbacks;
}

/// Asks a run to stop after so many steps.
train::LoopCallbacks stop_after(int64_t steps) {
  train::LoopCallbacks callbacks;
  callbacks.should_stop = [left = steps]() mutable { return --left == 0; };
  return callbacks;
}

/// Of a run of this stage that must end with such an error: the metrics it leaves.
std::vector<train::Metrics> history_before_error(LineStage& stage,
                                                 const train::LoopOptions& options,
                                                 ErrorCode code,
                                                 const std::vector<std::string>& fragments) {
  TemporaryDirectory folder;
  train::MasterWeights weights(stage.modules(), at::kFloat, at::kCPU, {});
  train::RunFolder run_folder(folder.path());
  expect_error(
      code, fragments, [&] { train::run_training(stage, weights, run_folder, options, {}); });
  return run_folder.history();
}

TEST(TrainingLoop, Learns) {
  TemporaryDirectory folder;
  const auto result = run(folder.path(), options_of(300));
  EXPECT_EQ(result.next_step, 300);
  ASSERT_EQ(result.history.size(), 300U);
  EXPECT_GT(result.history.front().values.at("loss"), 1);
  EXPECT_LT(result.history.back().values.at("loss"), 0.02);
  const auto& last = result.history.back().values;
  EXPECT_NEAR(last.at("twice"), 2 * last.at("loss"), 1e-6);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "loss.png"));
}

TEST(TrainingLoop, AnotherRunGoesOnWithWhatIsNeededInTrainingAlone) {
  TemporaryDirectory folder;
  run(folder.path(), options_of(300));
  LineStage stage;
  const train::StartWeights start(folder.path() / "components", stage.modules());
  auto weight = at::zeros({1, 3}), bias = at::zeros({1});
  ASSERT_TRUE(start.fill("line.weight", weight));
  ASSERT_TRUE(start.fill("line.bias", bias));
  EXPECT_LT((weight - 1).abs().max().item<double>(), 0.1) << weight;
  EXPECT_NEAR(bias.item<double>(), 2, 0.1);
  EXPECT_FALSE(start.fill("other.weight", weight));
}

TEST(TrainingLoop, ARunThatWasKilledInTheMiddleOfALineOfMetricsWritesThatLineAgain) {
  auto options = options_of(20);
  options.metrics_every = 4;
  options.checkpoint_seconds = 0;  // whenever it may
  TemporaryDirectory whole_folder, killed_folder;
  const auto whole = run(whole_folder.path(), options);

  EXPECT_THROW(run(killed_folder.path(), options, kill_after(10)), Killed);
  const auto rest = run(killed_folder.path(), options);
  expect_same_curve(rest, whole);
}

TEST(TrainingLoop, ARunThatWasKilledBeforeItsFirstCheckpointBeginsItsMetricsAnew) {
  TemporaryDirectory folder;
  EXPECT_THROW(run(folder.path(), options_of(20), kill_after(5)), Killed);
  EXPECT_EQ(run(folder.path(), options_of(20)).history.size(), 20U);
}

TEST(TrainingLoop, ARunThatWasStoppedGoesOnAsIfItHadNot) {
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = run(whole_folder.path(), options_of(40));

  EXPECT_EQ(run(parts_folder.path(), options_of(40), stop_after(17)).next_step, 17);
  const auto rest = run(parts_folder.path(), options_of(40));

  EXPECT_TRUE(at::equal(rest.weight, whole.weight));
  EXPECT_EQ(rest.counted, 40);
  expect_same_curve(rest, whole);
}

TEST(TrainingLoop, ARunThatWasStoppedInTheMiddleOfALineOfMetricsGoesOnWithIt) {
  auto options = options_of(40);
  options.metrics_every = 7;
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = run(whole_folder.path(), options);

  run(parts_folder.path(), options, stop_after(17));
  expect_same_curve(run(parts_folder.path(), options), whole);
}

TEST(TrainingLoop, WhatABatchCouldNotMeasureDoesNotCount) {
  auto options = options_of(20);
  TemporaryDirectory folder, lines_folder;
  const auto steps = run(folder.path(), options).history;
  EXPECT_EQ(steps.at(1).values.count("even"), 0U);
  options.metrics_every = 4;
  const auto lines = run(lines_folder.path(), options).history;
  EXPECT_NEAR(lines.at(0).values.at("even"),
              (steps.at(0).values.at("loss") + steps.at(2).values.at("loss")) / 2,
              1e-6);
}

TEST(TrainingLoop, ARunThatHasNoFiniteGradientEnds) {
  LineStage stage;
  stage.spoilt_from = 30;
  auto options = options_of(1000);
  options.metrics_every = 10;
  const auto history = history_before_error(
      stage, options, ErrorCode::kInvalidInput, {"finite gradient", "learning rate"});
  ASSERT_EQ(history.size(), 12U);
  // Not a loss of 0, which looks like success.
  EXPECT_EQ(history.back().values.count("loss"), 0U);
  EXPECT_EQ(history.back().values.at("skipped"), 10);
}

TEST(TrainingLoop, WhatAKilledRunHadHalfWrittenGoes) {
  TemporaryDirectory folder;
  { const train::RunFolder first(folder.path()); }
  write_file(folder.path() / ".glm-image-12345-0.tmp", "half a checkpoint");
  write_file(folder.path() / "samples" / ".glm-image-12345-0.tmp", "half a sheet");
  write_file(folder.path() / "notes.tmp", "mine");
  const train::RunFolder second(folder.path());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ".glm-image-12345-0.tmp"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "samples" / ".glm-image-12345-0.tmp"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "notes.tmp"));
}

TEST(TrainingLoop, MetricsAfterTheCheckpointAreForgottenWithHalfALine) {
  TemporaryDirectory folder;
  run(folder.path(), options_of(10), stop_after(5));
  // What a killed run leaves: steps that no checkpoint knows of, and half a line.
  const auto metrics = folder.path() / "metrics.jsonl";
  write_file(metrics, read_file(metrics) + "{\"step\":5,\"loss\":123}\n{\"step\":6,\"lo");
  const auto rest = run(folder.path(), options_of(10));
  ASSERT_EQ(rest.history.size(), 10U);
  EXPECT_NE(rest.history[5].values.at("loss"), 123);
}

TEST(TrainingLoop, SeveralBatchesAStepUseBatchesInOrder) {
  TemporaryDirectory folder;
  auto options = options_of(20);
  options.accumulate = 3;
  EXPECT_EQ(run(folder.path(), options).next_step, 20);
}

TEST(TrainingLoop, ManyLoaderThreadsGiveTheSameCurveAsOne) {
  TemporaryDirectory one_folder, many_folder;
  auto options = options_of(60);
  const auto one = run(one_folder.path(), options);
  options.loader_threads = 5;
  const auto many = run(many_folder.path(), options);
  EXPECT_TRUE(at::equal(one.weight, many.weight));
  ASSERT_EQ(one.history.size(), many.history.size());
  for (size_t i = 0; i < one.history.size(); ++i) {
    EXPECT_EQ(one.history[i].values.at("loss"), many.history[i].values.at("loss")) << i;
  }
}

TEST(TrainingLoop, AFaultOfTheDataEndsTheRunWithItsMessage) {
  for (const int64_t threads : {1, 4}) {
    LineStage stage;
    stage.fails_at = 4;
    auto options = options_of(10);
    options.loader_threads = threads;
    const auto history =
        history_before_error(stage, options, ErrorCode::kCorruptFile, {"no data for step 4"});
    EXPECT_EQ(stage.makers, threads);
    // The batches before the fault were used.
    EXPECT_EQ(history.size(), 4U);
  }
}

TEST(TrainingLoop, AnotherRunsCheckpointIsRefused) {
  TemporaryDirectory folder;
  run(folder.path(), options_of(3));
  auto other = options_of(5);
  other.identity = "another line";
  expect_error(ErrorCode::kInvalidInput, {"other settings"}, [&] { run(folder.path(), other); });
}

TEST(TrainingLoop, TwoProcessesDoNotTrainInOneFolder) {
  TemporaryDirectory folder;
  {
    const train::RunFolder first(folder.path());
    expect_error(ErrorCode::kInvalidInput, {"another process is training"}, [&] {
      train::RunFolder second(folder.path());
    });
  }
  EXPECT_NO_THROW(train::RunFolder(folder.path()));
}

TEST(LearningRate, RisesThenFalls) {
  const train::LearningRate rate{1.0, 0.1, 10, 110};
  EXPECT_NEAR(rate.at(0), 0.1, 1e-12);
  EXPECT_NEAR(rate.at(9), 1.0, 1e-12);
  EXPECT_NEAR(rate.at(60), 0.55, 1e-12);
  EXPECT_NEAR(rate.at(110), 0.1, 1e-12);
}

}  // namespace
}  // namespace glm_image::test
