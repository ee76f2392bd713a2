#include "train/run/training_loop.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "train/line_stage.h"
#include "train/weights/start_weights.h"

namespace glm_image::test {
namespace {

void expect_same_curve(const Run& run, const Run& expected) {
  ASSERT_EQ(run.history.size(), expected.history.size());
  for (size_t i = 0; i < expected.history.size(); ++i) {
    EXPECT_EQ(run.history[i].step, expected.history[i].step);
    EXPECT_EQ(run.history[i].values.at("loss"), expected.history[i].values.at("loss")) << i;
  }
}

struct Killed {};

/// Kills a run after `steps` steps, by an exception.
train::LoopCallbacks kill_after(int64_t steps) {
  train::LoopCallbacks callbacks;
  callbacks.should_stop = [left = steps]() mutable -> bool {
    return --left == 0 ? throw Killed() : false;
  };
  return callbacks;
}

/// Runs a stage that must end with this error. Returns the metrics it leaves.
std::vector<train::Metrics> history_before_error(LineStage& stage,
                                                 const train::LoopOptions& options,
                                                 ErrorCode code,
                                                 const std::vector<std::string>& fragments) {
  TemporaryDirectory folder;
  train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
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
}

TEST(TrainingLoop, TellsWhenItSaved) {
  auto options = options_of(4);
  options.checkpoint_seconds = 0;  // after each step
  TemporaryDirectory folder;
  std::vector<size_t> lines;
  train::LoopCallbacks callbacks;
  callbacks.saved = [&](const train::RunFolder& run_folder) {
    EXPECT_TRUE(run_folder.has_checkpoint());
    lines.push_back(run_folder.history().size());
  };
  run(folder.path(), options, callbacks);
  EXPECT_EQ(lines, (std::vector<size_t>{1, 2, 3, 4}));
}

TEST(TrainingLoop, AnotherRunContinuesWithTheAuxiliaryModules) {
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

TEST(TrainingLoop, WritesTheAverageAndKeepsItWithTheRun) {
  const auto written_to = [](const TemporaryDirectory& folder) {
    LineStage stage;
    const train::StartWeights start(folder.path() / "components", stage.modules());
    auto weight = at::zeros({1, 3});
    EXPECT_TRUE(start.fill("line.weight", weight));
    return weight;
  };
  auto options = options_of(20);
  options.ema_decay = 0;
  TemporaryDirectory last, averaged, resumed;
  const auto weight = run(last.path(), options).weight;
  EXPECT_TRUE(at::equal(written_to(last), weight));

  options.ema_decay = 0.9;
  EXPECT_TRUE(at::equal(run(averaged.path(), options).weight, weight));
  EXPECT_FALSE(at::equal(written_to(averaged), weight));
  run(resumed.path(), options, stop_after(9));
  run(resumed.path(), options);
  EXPECT_TRUE(at::equal(written_to(resumed), written_to(averaged)));
}

TEST(TrainingLoop, AKilledRunRepeatsAnUnfinishedLineOfMetrics) {
  auto options = options_of(20);
  options.metrics_every = 4;
  options.checkpoint_seconds = 0;  // as often as possible
  TemporaryDirectory whole_folder, killed_folder;
  const auto whole = run(whole_folder.path(), options);

  EXPECT_THROW(run(killed_folder.path(), options, kill_after(10)), Killed);
  const auto rest = run(killed_folder.path(), options);
  expect_same_curve(rest, whole);
}

TEST(TrainingLoop, ARunKilledBeforeItsFirstCheckpointRestartsItsMetrics) {
  TemporaryDirectory folder;
  EXPECT_THROW(run(folder.path(), options_of(20), kill_after(5)), Killed);
  EXPECT_EQ(run(folder.path(), options_of(20)).history.size(), 20U);
}

TEST(TrainingLoop, AResumedRunEqualsAnUninterruptedOne) {
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = run(whole_folder.path(), options_of(40));

  EXPECT_EQ(run(parts_folder.path(), options_of(40), stop_after(17)).next_step, 17);
  const auto rest = run(parts_folder.path(), options_of(40));

  EXPECT_TRUE(at::equal(rest.weight, whole.weight));
  EXPECT_EQ(rest.counted, 40);
  expect_same_curve(rest, whole);
}

TEST(TrainingLoop, AResumedRunContinuesAnUnfinishedLineOfMetrics) {
  auto options = options_of(40);
  options.metrics_every = 7;
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = run(whole_folder.path(), options);

  run(parts_folder.path(), options, stop_after(17));
  expect_same_curve(run(parts_folder.path(), options), whole);
}

TEST(TrainingLoop, MissingMeasurementsDoNotCount) {
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

TEST(TrainingLoop, ARunWithoutFiniteGradientsEnds) {
  LineStage stage;
  stage.spoilt_from = 30;
  stage.spoil = [](const Tensor& loss) { return loss * std::nan(""); };
  auto options = options_of(1000);
  options.metrics_every = 10;
  const auto history = history_before_error(
      stage, options, ErrorCode::kInvalidInput, {"finite gradient", "learning rate"});
  ASSERT_EQ(history.size(), 12U);
  // Not a loss of 0, which would look like success.
  EXPECT_TRUE(std::isnan(history.back().values.at("loss")));
  EXPECT_EQ(history.back().values.at("skipped"), 10);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Ways to make a step invalid. The first keeps the gradient finite, the second the loss.
const std::vector<std::function<Tensor(const Tensor&)>> kSpoilt = {
    [](const Tensor& loss) { return loss + kInfinity; },
    // The slope of the square root at 0 is infinite.
    [](const Tensor& loss) { return loss + (loss - loss.detach()).abs().sqrt(); },
    [](const Tensor& loss) { return loss * std::nan(""); }};

TEST(TrainingLoop, AStepWithoutAFiniteLossOrGradientChangesNothing) {
  for (const auto& spoil : kSpoilt) {
    TemporaryDirectory folder;
    LineStage stage;
    stage.spoil = spoil;
    stage.spoilt_from = 5;
    train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
    train::RunFolder run_folder(folder.path());
    const auto copies = [&] {
      std::vector<Tensor> tensors;
      for (const auto& [name, tensor] : weights.state()) tensors.push_back(tensor.clone());
      for (const auto& [name, tensor] : stage.state()) tensors.push_back(tensor.clone());
      return tensors;
    };
    std::vector<Tensor> before;
    train::LoopCallbacks callbacks;
    callbacks.should_stop = [&, step = 0]() mutable {
      if (++step == 5) before = copies();
      return false;
    };
    train::run_training(stage, weights, run_folder, options_of(12), callbacks);
    const auto after = copies();
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(before[i], after[i])) << i;
    EXPECT_EQ(stage.counted(), 5);
    ASSERT_EQ(run_folder.history().size(), 12U);
    EXPECT_EQ(run_folder.history().at(4).values.count("skipped"), 0U);
    EXPECT_EQ(run_folder.history().at(5).values.at("skipped"), 1);
  }
}

TEST(TrainingLoop, OneInvalidBatchSkipsItsStepAndNoOther) {
  for (const auto& spoil : kSpoilt) {
    TemporaryDirectory folder;
    LineStage stage;
    stage.spoil = spoil;
    stage.spoilt_from = 3 * 4 + 1;  // the second batch of step 4
    stage.spoilt_until = stage.spoilt_from + 1;
    auto options = options_of(9);
    options.accumulate = 3;
    const auto result = run(stage, folder.path(), options);
    EXPECT_EQ(result.counted, 8);
    ASSERT_EQ(result.history.size(), 9U);
    for (int64_t step = 0; step < 9; ++step) {
      EXPECT_EQ(result.history[step].values.count("skipped"), step == 4 ? 1U : 0U) << step;
    }
    EXPECT_TRUE(at::isfinite(result.weight).all().item<bool>());
    EXPECT_EQ(stage.batch_numbers.size(), 27U);
  }
}

// Every line of the file has the same keys.
TEST(TrainingLoop, MetricsMarkValuesThatWereNotFinite) {
  for (size_t way = 0; way < kSpoilt.size(); ++way) {
    TemporaryDirectory folder;
    LineStage stage;
    stage.spoil = kSpoilt[way];
    stage.spoilt_from = 3;
    stage.spoilt_until = 4;
    run(stage, folder.path(), options_of(6));
    std::istringstream lines(read_file(folder.path() / "metrics.jsonl"));
    int64_t step = 0;
    for (std::string text; std::getline(lines, text); ++step) {
      const auto line = nlohmann::json::parse(text);
      const bool is_spoilt = step == 3;
      const bool has_loss = !is_spoilt || way == 1;
      EXPECT_EQ(line.at("loss").is_number(), has_loss) << text;
      EXPECT_EQ(line.at("gradient_norm").is_number(), !is_spoilt) << text;
      if (!has_loss) {
        EXPECT_EQ(line.at("loss"), "not finite");
      }
      if (is_spoilt) {
        EXPECT_EQ(line.at("gradient_norm"), "not finite");
      }
    }
    EXPECT_EQ(step, 6);
  }
}

TEST(TrainingLoop, AResumedRunWithSkippedStepsEqualsAnUninterruptedOne) {
  auto options = options_of(30);
  options.metrics_every = 4;
  const auto run_in = [&](const std::filesystem::path& folder,
                          const train::LoopCallbacks& callbacks) {
    LineStage stage;
    stage.spoil = kSpoilt[0];
    stage.spoilt_from = 8;
    stage.spoilt_until = 15;
    return run(stage, folder, options, callbacks);
  };
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = run_in(whole_folder.path(), {});
  run_in(parts_folder.path(), stop_after(11));
  const auto rest = run_in(parts_folder.path(), {});
  EXPECT_TRUE(at::equal(rest.weight, whole.weight));
  ASSERT_EQ(rest.history.size(), whole.history.size());
  for (size_t i = 0; i < whole.history.size(); ++i) {
    const auto &found = rest.history[i].values, &expected = whole.history[i].values;
    for (const char* name : {"loss", "gradient_norm", "skipped"}) {
      ASSERT_EQ(found.count(name), expected.count(name)) << name << i;
      if (found.count(name) == 0) continue;
      // Here NaN equals NaN.
      EXPECT_EQ(std::isnan(found.at(name)), std::isnan(expected.at(name))) << name << i;
      if (!std::isnan(found.at(name))) {
        EXPECT_EQ(found.at(name), expected.at(name)) << name << i;
      }
    }
  }
}

TEST(TrainingLoop, TemporaryFilesOfAKilledRunAreRemoved) {
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

TEST(TrainingLoop, MetricsAfterTheCheckpointAreDiscarded) {
  TemporaryDirectory folder;
  run(folder.path(), options_of(10), stop_after(5));
  // A killed run leaves steps after the checkpoint and an incomplete line.
  const auto metrics = folder.path() / "metrics.jsonl";
  write_file(metrics, read_file(metrics) + "{\"step\":5,\"loss\":123}\n{\"step\":6,\"lo");
  const auto rest = run(folder.path(), options_of(10));
  ASSERT_EQ(rest.history.size(), 10U);
  EXPECT_NE(rest.history[5].values.at("loss"), 123);
}

TEST(TrainingLoop, SeveralBatchesAStepUseBatchesInOrder) {
  auto options = options_of(20);
  options.accumulate = 3;
  options.loader_threads = 3;
  TemporaryDirectory folder, parts_folder;
  LineStage stage;
  const auto whole = run(stage, folder.path(), options);
  EXPECT_EQ(whole.next_step, 20);

  std::vector<int64_t> in_order(60);
  std::iota(in_order.begin(), in_order.end(), 0);
  EXPECT_EQ(stage.batch_numbers, in_order);
  EXPECT_EQ(stage.forward_steps, in_order);
  ASSERT_EQ(whole.history.size(), 20U);
  for (size_t step = 0; step < 20; ++step) {
    const double mean =
        (stage.losses[3 * step] + stage.losses[3 * step + 1] + stage.losses[3 * step + 2]) / 3;
    EXPECT_NEAR(whole.history[step].values.at("loss"), mean, 1e-6 * mean) << step;
  }

  LineStage first, second;
  run(first, parts_folder.path(), options, stop_after(7));
  const auto rest = run(second, parts_folder.path(), options);
  EXPECT_EQ(first.batch_numbers, std::vector<int64_t>(in_order.begin(), in_order.begin() + 21));
  EXPECT_EQ(second.batch_numbers, std::vector<int64_t>(in_order.begin() + 21, in_order.end()));
  EXPECT_TRUE(at::equal(rest.weight, whole.weight));
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

TEST(TrainingLoop, AnErrorInTheDataEndsTheRunWithItsMessage) {
  for (const int64_t threads : {1, 4}) {
    LineStage stage;
    stage.fails_at = 4;
    auto options = options_of(10);
    options.loader_threads = threads;
    const auto history =
        history_before_error(stage, options, ErrorCode::kCorruptFile, {"no data for step 4"});
    EXPECT_EQ(stage.makers, threads);
    // The batches before the error were used.
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
