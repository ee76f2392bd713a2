// Several ranks, as threads, train what one trains: a small network whose loss is a weighted mean
// over the rows of a batch.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/random.h"
#include "nn/modules.h"
#include "support/test_support.h"
#include "train/ranks/gradient_reducer.h"
#include "train/ranks/step_division.h"
#include "train/run/training_loop.h"
#include "train/seeds.h"
#include "train/thread_ranks.h"

namespace glm_image::test {
namespace {

constexpr int64_t kRows = 7;  // no number of ranks below divides it

/// Learns a function of random points by layers of 3 → 8 → 8 → 1.
class NetworkStage : public train::Stage {
 public:
  explicit NetworkStage(bool divides = true) : divides_(divides) {}

  std::vector<train::TrainedModule> modules() override {
    return {{"first", first_.get()}, {"second", second_.get()}, {"last", last_.get()}};
  }
  void initialise(const std::string& /*name*/, Tensor& weight, at::Generator& random) override {
    weight.normal_(0, 0.5, random);
  }
  train::BatchMaker batch_maker() override {
    return [this](int64_t step) {
      auto random = make_random(train::mix_seed(7, 1, step));
      const auto share = own_share(kRows);
      const at::TensorOptions wide(at::kFloat);
      train::Batch batch{{"x", share.cut(at::randn({kRows, 3}, random, wide))},
                         {"weights", share.cut(1 + at::rand({kRows}, random, wide))}};
      keep_total(share, batch);
      return batch;
    };
  }
  train::Outcome forward(const train::Batch& batch, int64_t step) override {
    computed.push_back(step);
    const auto& x = batch.at("x");
    const auto share = own_share(batch, x.size(0));
    const auto& weights = batch.at("weights");
    const auto hidden = at::tanh(second_->forward(at::tanh(first_->forward(x))));
    const auto error = (last_->forward(hidden).squeeze(1) - x.sum(1).sin()).square();
    const auto loss = (error * weights).sum() / weights.sum();
    rows += share.weight() > 0 ? x.size(0) : 0;
    train::Outcome outcome{share.part_of(loss, weights.sum()),
                           {{"error", error.mean().detach()},
                            {"largest", share.all_rows(error).max()},
                            {"never", at::full({}, std::nan(""))}},
                           share.weight()};
    if (step == spoilt && share.begin() == 0) outcome.loss = outcome.loss * std::nan("");
    return outcome;
  }
  bool divides_rows() const override { return divides_; }
  void after_step(int64_t /*step*/) override { counted_.add_(1); }
  train::NamedTensors state() override { return {{"stage.counted", counted_}}; }
  Image sample_sheet() override { return {1, 1, {0, 0, 0}}; }
  void write_components(const std::filesystem::path& folder) override {
    std::filesystem::create_directories(folder);
  }

  std::vector<int64_t> computed;  ///< batches
  int64_t rows = 0;               ///< computed and counted
  int64_t spoilt = -1;            ///< a batch without a finite loss on the rank with row 0
  double counted() const { return counted_.item<double>(); }

 private:
  const bool divides_;
  nn::Linear first_{3, 8, at::TensorOptions(at::kFloat)};
  nn::Linear second_{8, 8, at::TensorOptions(at::kFloat)};
  nn::Linear last_{8, 1, at::TensorOptions(at::kFloat)};
  Tensor counted_ = at::zeros({});
};

train::LoopOptions network_options(int64_t steps, int64_t accumulate = 1) {
  train::LoopOptions options;
  options.steps = steps;
  options.accumulate = accumulate;
  options.batch = kRows;
  options.bucket_bytes = 64;  // about a bucket for each matrix
  options.learning_rate = {0.02, 0.01, 5, 40};
  options.metrics_every = 1;
  options.samples_every = 1000;
  options.identity = "network";
  return options;
}

struct NetworkRun {
  std::vector<train::Metrics> history;  ///< of rank 0
  std::vector<Tensor> weights;          ///< of each rank, flat
  std::vector<int64_t> rows;            ///< that each rank computed
  std::vector<double> counted;
  int64_t next_step = 0;
};

/// Trains in `folder` on so many ranks. `prepare` may change the stages.
NetworkRun train_network(int ranks,
                         const std::filesystem::path& folder,
                         const train::LoopOptions& options,
                         const std::function<void(NetworkStage& stage)>& prepare = {},
                         const train::LoopCallbacks& of_first = {},
                         bool divides = true) {
  NetworkRun run;
  run.weights.resize(ranks);
  run.rows.resize(ranks);
  run.counted.resize(ranks);
  on_ranks(ranks, [&](train::Ranks& together) {
    const int rank = together.rank();
    NetworkStage stage(divides);
    if (prepare) prepare(stage);
    train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
    std::optional<train::RunFolder> run_folder;
    if (rank == 0) run_folder.emplace(folder);
    const auto next = train::run_training(stage,
                                          weights,
                                          rank == 0 ? &*run_folder : nullptr,
                                          together,
                                          options,
                                          rank == 0 ? of_first : train::LoopCallbacks());
    run.weights[rank] = weights.buffers().front().clone();
    run.rows[rank] = stage.rows;
    run.counted[rank] = stage.counted();
    if (rank > 0) return;
    run.history = run_folder->history();
    run.next_step = next;
  });
  return run;
}

/// Sums are taken in another order: some units of float32 per step.
void expect_same_run(const NetworkRun& run, const NetworkRun& expected) {
  ASSERT_EQ(run.history.size(), expected.history.size());
  for (size_t i = 0; i < expected.history.size(); ++i) {
    const auto &found = run.history[i].values, &wanted = expected.history[i].values;
    EXPECT_EQ(run.history[i].step, expected.history[i].step);
    for (const char* name : {"loss", "gradient_norm", "error", "largest"}) {
      EXPECT_NEAR(found.at(name), wanted.at(name), 1e-4 * std::abs(wanted.at(name)) + 1e-6)
          << name << i;
    }
    EXPECT_EQ(found.count("never"), 0U);
  }
  EXPECT_LT(relative_error(run.weights.front(), expected.weights.front()), 1e-4);
  for (const auto& weights : run.weights) EXPECT_TRUE(at::equal(weights, run.weights.front()));
}

TEST(Ranks, TrainWhatOneRankTrains) {
  TemporaryDirectory alone;
  const auto expected = train_network(1, alone.path(), network_options(30));
  // Batches are small, so single losses say little.
  double early = 0, late = 0;
  for (size_t i = 0; i < 10; ++i) {
    early += expected.history[i].values.at("loss");
    late += expected.history[expected.history.size() - 1 - i].values.at("loss");
  }
  EXPECT_LT(late, early);
  for (const int ranks : {2, 3, 9}) {
    SCOPED_TRACE(ranks);
    TemporaryDirectory folder;
    const auto run = train_network(ranks, folder.path(), network_options(30));
    expect_same_run(run, expected);
    EXPECT_EQ(std::accumulate(run.rows.begin(), run.rows.end(), int64_t{0}), 30 * kRows);
    EXPECT_LE(*std::max_element(run.rows.begin(), run.rows.end()), 30 * ((kRows - 1) / ranks + 1));
    for (const double counted : run.counted) EXPECT_EQ(counted, 30);
  }
}

TEST(Ranks, DivideWholeBatchesAndRowsOfBatches) {
  for (const bool divides : {true, false}) {
    for (const int64_t accumulate : {2, 3, 4}) {
      SCOPED_TRACE(concat(divides, accumulate));
      const auto options = network_options(12, accumulate);
      TemporaryDirectory alone, folder;
      const auto expected = train_network(1, alone.path(), options);
      const auto run = train_network(2, folder.path(), options, {}, {}, divides);
      expect_same_run(run, expected);
      EXPECT_EQ(run.rows[0] + run.rows[1], 12 * accumulate * kRows);
    }
  }
}

TEST(Ranks, StoppedWithFourResumedWithTwo) {
  TemporaryDirectory alone, folder;
  const auto expected = train_network(1, alone.path(), network_options(24));
  train::LoopCallbacks stopping;
  stopping.should_stop = [left = 10]() mutable { return --left == 0; };
  EXPECT_EQ(train_network(4, folder.path(), network_options(24), {}, stopping).next_step, 10);
  const auto rest = train_network(2, folder.path(), network_options(24));
  EXPECT_EQ(rest.next_step, 24);
  expect_same_run(rest, expected);
  EXPECT_EQ(rest.counted, (std::vector<double>{24, 24}));
}

TEST(Ranks, AStepWithoutAFiniteLossOnOneRankIsSkippedByAll) {
  TemporaryDirectory folder;
  const auto run = train_network(
      3, folder.path(), network_options(8), [](NetworkStage& stage) { stage.spoilt = 3; });
  EXPECT_EQ(run.counted, (std::vector<double>{7, 7, 7}));
  ASSERT_EQ(run.history.size(), 8U);
  EXPECT_EQ(run.history[3].values.at("skipped"), 1);
  for (const auto& weights : run.weights) EXPECT_TRUE(at::equal(weights, run.weights.front()));
}

// What the cluster does when a rank is lost: all others throw, and go on from the checkpoint.
TEST(Ranks, ALostRankEndsTheOthersWhichContinueFromTheCheckpoint) {
  auto options = network_options(20);
  TemporaryDirectory alone, folder;
  const auto expected = train_network(1, alone.path(), options);
  options.checkpoint_seconds = 0;  // after each step
  struct Lost {};
  EXPECT_THROW(on_ranks(3,
                        [&](train::Ranks& ranks) {
                          NetworkStage stage;
                          train::MixedPrecisionAdamW weights(
                              stage.modules(), at::kFloat, at::kCPU, {});
                          std::optional<train::RunFolder> run_folder;
                          if (ranks.rank() == 0) run_folder.emplace(folder.path());
                          train::LoopCallbacks callbacks;
                          callbacks.should_stop = [rank = ranks.rank(), left = 9]() mutable {
                            if (--left == 0 && rank == 2) throw Lost();
                            return false;
                          };
                          train::run_training(stage,
                                              weights,
                                              ranks.rank() == 0 ? &*run_folder : nullptr,
                                              ranks,
                                              options,
                                              callbacks);
                        }),
               Lost);
  expect_same_run(train_network(2, folder.path(), options), expected);
}

TEST(Ranks, AWorkersInterruptEndsItsTraining) {
  TemporaryDirectory folder;
  expect_error(ErrorCode::kCancelled, {}, [&] {
    on_ranks(2, [&](train::Ranks& ranks) {
      NetworkStage stage;
      train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
      std::optional<train::RunFolder> run_folder;
      if (ranks.rank() == 0) run_folder.emplace(folder.path());
      train::LoopCallbacks callbacks;
      callbacks.should_stop = [rank = ranks.rank()] { return rank == 1; };
      train::run_training(stage,
                          weights,
                          ranks.rank() == 0 ? &*run_folder : nullptr,
                          ranks,
                          network_options(5),
                          callbacks);
    });
  });
}

TEST(Ranks, AStageThatCannotDivideABatchNeedsSeveral) {
  TemporaryDirectory folder;
  expect_error(ErrorCode::kInvalidInput, {"gradient_accumulation_steps", "at least 2"}, [&] {
    train_network(2, folder.path(), network_options(5), {}, {}, /*divides=*/false);
  });
}

TEST(Ranks, AWarningTellsOfIdleRanks) {
  std::vector<std::string> warnings;
  train::LoopCallbacks callbacks;
  callbacks.warn = [&](const std::string& sentence) { warnings.push_back(sentence); };
  TemporaryDirectory busy, idle;
  train_network(2, busy.path(), network_options(2, 2), {}, callbacks, /*divides=*/false);
  EXPECT_TRUE(warnings.empty());
  train_network(3, idle.path(), network_options(2, 2), {}, callbacks, /*divides=*/false);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("1 of 3 ranks have nothing to compute"), std::string::npos)
      << warnings[0];
  EXPECT_NE(warnings[0].find("gradient_accumulation_steps"), std::string::npos) << warnings[0];
}

TEST(StepDivision, TakesTheFasterWay) {
  const auto by_rows = [](int64_t batches, int64_t rows, int64_t ranks) {
    return train::divide_step(batches, rows, /*divides_rows=*/true, 0, ranks).by_rows;
  };
  EXPECT_TRUE(by_rows(1, 8, 2));
  EXPECT_FALSE(by_rows(4, 1, 2));  // one picture a batch
  EXPECT_FALSE(by_rows(4, 8, 2));
  EXPECT_TRUE(by_rows(3, 8, 2));  // 12 rows instead of 16
  EXPECT_TRUE(by_rows(1, 1, 2));
  EXPECT_FALSE(by_rows(1, 8, 1));
  using Batches = std::vector<int64_t>;
  EXPECT_EQ(train::divide_step(5, 1, true, 0, 2).batches, (Batches{0, 2, 4}));
  EXPECT_EQ(train::divide_step(5, 1, true, 1, 2).batches, (Batches{1, 3}));
  EXPECT_EQ(train::divide_step(2, 1, false, 2, 3).batches, Batches{});
  EXPECT_EQ(train::divide_step(3, 8, true, 1, 2).batches, (Batches{0, 1, 2}));
}

TEST(BatchShare, CutsAndGathersRows) {
  on_ranks(3, [](train::Ranks& ranks) {
    const train::BatchShare share(ranks, 5);
    // Two copies of the batch, three entries a row.
    const auto all = at::arange(2 * 5 * 3, at::kFloat).view({30, 1}) + at::arange(4, at::kFloat);
    const auto own = share.cut(all, 2);
    EXPECT_EQ(own.size(0), 2 * share.count() * 3);
    EXPECT_TRUE(at::equal(own[0], all[share.begin() * 3]));
    EXPECT_TRUE(at::equal(share.all_rows(own, 2), all));
    const auto values = at::arange(5, at::kFloat);
    EXPECT_NEAR(share.mean_of_all(share.cut(values).mean()).item<double>(), 2, 1e-6);
    const auto weights = share.cut(values + 1);
    const auto mean = (share.cut(values) * weights).sum() / weights.sum();
    EXPECT_NEAR(share.sum_of_all(share.part_of(mean, weights.sum())).item<double>(),
                (0 * 1 + 1 * 2 + 2 * 3 + 3 * 4 + 4 * 5) / 15.0,
                1e-6);
  });
}

/// The first of two ranks; the other one has the same gradients. Records what begins when.
class RecordingRanks : public train::Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  Wait begin_all_reduce(Tensor tensor) override {
    events.push_back("begin " + std::to_string(tensor.numel()));
    return [this, tensor] {
      events.push_back("end " + std::to_string(tensor.numel()));
      tensor.mul_(2);
    };
  }
  void broadcast(Tensor /*tensor*/) override {}

  std::vector<std::string> events;
};

TEST(GradientReducer, BeginsWhileTheBackwardPassRuns) {
  RecordingRanks ranks;
  NetworkStage stage;
  train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
  weights.initialise([](const std::string&, Tensor& weight) {
    auto random = make_random(3);
    weight.normal_(0, 0.5, random);
  });
  train::Batch batch;
  {
    const at::NoGradGuard no_grad;
    batch = stage.batch_maker()(0);
  }
  stage.forward(batch, 0).loss.backward();
  weights.accumulate(2);
  const auto expected = weights.gradients().clone() * 2;
  weights.drop_gradients();

  // The first layer's gradient comes last.
  auto first = stage.modules().front().module->named_parameters()["weight"];
  const auto id = first.register_hook(
      [&](const Tensor& /*gradient*/) { ranks.events.emplace_back("first layer"); });
  {
    train::GradientReducer gradients(weights, ranks, /*bucket_bytes=*/64);
    for (int step = 0; step < 2; ++step) {
      ranks.events.clear();
      gradients.backward(stage.forward(batch, step).loss, /*parts=*/2, /*is_last=*/true);
      const auto& events = ranks.events;
      const auto at = [&](const std::string& event) {
        return std::find(events.begin(), events.end(), event) - events.begin();
      };
      const auto all = static_cast<ptrdiff_t>(events.size());
      EXPECT_LT(at("begin 8"), at("first layer")) << "the last layer's weights, in step " << step;
      EXPECT_LT(at("begin 64"), at("first layer")) << "the second layer's";
      EXPECT_LT(at("first layer"), all);
      EXPECT_EQ(at("end 8"), all) << "nobody waits before the backward pass has ended";
      gradients.finish();
      EXPECT_LT(at("end 8"), static_cast<ptrdiff_t>(events.size()));
      EXPECT_LT(relative_error(weights.gradients(), expected), 1e-6);
      EXPECT_FALSE(first.grad().defined());
      weights.drop_gradients();
    }
    // Before the last batch of a step nothing begins.
    ranks.events.clear();
    gradients.backward(stage.forward(batch, 2).loss, 2, /*is_last=*/false);
    EXPECT_EQ(ranks.events, std::vector<std::string>{"first layer"});
    gradients.backward(stage.forward(batch, 3).loss, 2, /*is_last=*/true);
    gradients.finish();
    EXPECT_LT(relative_error(weights.gradients(), 2 * expected), 1e-6);
    weights.drop_gradients();
    // A rank that has no gradient reduces all the same.
    ranks.events.clear();
    gradients.finish();
    EXPECT_FALSE(ranks.events.empty());
  }
  first.remove_hook(id);
  // Its hooks are gone.
  stage.forward(batch, 4).loss.backward();
  EXPECT_FALSE(weights.gradients().any().item<bool>());
}

}  // namespace
}  // namespace glm_image::test
