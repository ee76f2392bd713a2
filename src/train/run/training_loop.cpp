#include "train/run/training_loop.h"

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "core/seconds_since.h"
#include "train/ranks/gradient_reducer.h"
#include "train/ranks/step_division.h"
#include "train/ranks/step_exchange.h"
#include "train/run/batch_loader.h"
#include "train/seeds.h"
#include "train/weights/ema.h"
#include "train/weights/start_weights.h"

namespace glm_image::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMostSkipped = 100;
constexpr const char* kLoss = "loss";
constexpr const char* kGradientNorm = "gradient_norm";

/// Reads the folder's checkpoint into `state`, which holds the tensors of `weights` and of the
/// stage, and its metrics into the history. Returns the next step.
int64_t resume(RunFolder& folder,
               const std::string& identity,
               const NamedTensors& state,
               MixedPrecisionAdamW& weights,
               MetricsWindow& window) {
  const auto progress = folder.load_checkpoint(identity, state, window);
  const auto file = folder.checkpoint_file().string();
  weights.restored(file, progress.next_step);
  const int64_t done = weights.steps_taken() + progress.skipped.value_or(0);
  if (progress.skipped && progress.next_step != done) {
    fail(ErrorCode::kCorruptFile,
         file,
         ": next_step must be ",
         done,
         ", the sum of the optimizer's steps and of those skipped, found ",
         progress.next_step);
  }
  folder.continue_metrics(progress.next_step);
  return progress.next_step;
}

/// The division of the run's steps.
StepDivision division_of(Stage& stage, const LoopOptions& options, Ranks& ranks) {
  require_divisible(stage, options, ranks);
  auto division = divide_step(
      options.accumulate, options.batch, stage.divides_rows(), ranks.rank(), ranks.size());
  if (division.by_rows) stage.divide_rows(ranks);
  return division;
}

/// Warns, on rank 0, of ranks that have nothing to compute.
void warn_of_idle_ranks(const StepDivision& division,
                        const LoopOptions& options,
                        const Ranks& ranks,
                        const LoopCallbacks& callbacks) {
  const int64_t parts = division.by_rows ? options.batch : options.accumulate;
  if (ranks.rank() != 0 || ranks.size() <= parts || !callbacks.warn) return;
  callbacks.warn(concat(ranks.size() - parts,
                        " of ",
                        ranks.size(),
                        " ranks have nothing to compute: ",
                        division.by_rows ? "the number of rows of a batch (batch)"
                                         : "the number of batches of a step "
                                           "(gradient_accumulation_steps)",
                        " is ",
                        parts));
}

/// Loads this rank's batches of the steps from `step` on.
BatchLoader loader_of(Stage& stage,
                      const LoopOptions& options,
                      const StepDivision& division,
                      int64_t step) {
  const auto own = static_cast<int64_t>(division.batches.size());
  return BatchLoader(stage,
                     step * own,
                     options.steps * own,
                     options.loader_threads,
                     [all = options.accumulate, own, division](int64_t number) {
                       return number / own * all + division.batches[number % own];
                     });
}

/// Accumulates the gradients of this rank's batches of a step. Once the loss is not finite, it
/// skips the backward passes, since the step will be skipped.
StepResult accumulate_gradients(Stage& stage,
                                GradientReducer& gradients,
                                BatchLoader& loader,
                                const StepDivision& division,
                                int64_t step,
                                int64_t batches) {
  StepResult result;
  for (const int64_t i : division.batches) {
    const auto batch = loader.next();
    auto outcome = stage.forward(batch, step * batches + i);
    const bool has_two = outcome.separate_loss.defined();
    double loss = outcome.loss.item<double>();
    if (has_two) loss += outcome.separate_loss.item<double>();
    result.loss += loss / static_cast<double>(batches);
    if (std::isfinite(result.loss)) {
      const bool is_last = i == division.batches.back();
      gradients.backward(outcome.loss, batches, is_last && !has_two);
      if (has_two) gradients.backward(outcome.separate_loss, batches, is_last);
    }
    auto& measured = result.parts.emplace_back();
    measured.weight = outcome.weight;
    for (const auto& [name, value] : outcome.parts) measured.values[name] = value.item<double>();
  }
  gradients.finish();
  return result;
}

/// Rank 0's decisions after a step.
struct Decisions {
  bool stop = false, save = false;
};

void share_decisions(Ranks& ranks, Decisions& decisions) {
  if (ranks.size() == 1) return;
  auto shared = torch::tensor({int64_t{decisions.stop}, int64_t{decisions.save}});
  ranks.broadcast(shared);
  decisions = {shared[0].item<int64_t>() != 0, shared[1].item<int64_t>() != 0};
}

}  // namespace

void require_divisible(const Stage& stage, const LoopOptions& options, const Ranks& ranks) {
  if (ranks.size() == 1 || stage.divides_rows() || options.accumulate > 1) return;
  fail(ErrorCode::kInvalidInput,
       "this stage cannot divide a batch among ranks; set gradient_accumulation_steps to at least "
       "2, so that each rank computes whole batches");
}

int64_t run_training(Stage& stage,
                     MixedPrecisionAdamW& weights,
                     RunFolder& folder,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks) {
  OneRank alone;
  return run_training(stage, weights, &folder, alone, options, callbacks);
}

int64_t run_training(Stage& stage,
                     MixedPrecisionAdamW& weights,
                     RunFolder* folder,
                     Ranks& ranks,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks) {
  const bool leads = ranks.rank() == 0;
  GLM_IMAGE_CHECK(leads == (folder != nullptr), "rank ", ranks.rank(), " and the run's folder");
  const auto division = division_of(stage, options, ranks);
  warn_of_idle_ranks(division, options, ranks, callbacks);
  const auto identity = options.identity + stage.identity();
  ExponentialMovingAverage average(weights, options.ema_decay);
  auto state = weights.state();
  for (const auto& more : {average.state(), stage.state()}) {
    state.insert(state.end(), more.begin(), more.end());
  }

  int64_t step = 0;
  MetricsWindow window;
  if (leads && folder->has_checkpoint()) {
    step = resume(*folder, identity, state, weights, window);
  } else if (leads) {
    auto random = make_random(mix_seed(options.seed, kInitialWeightsPurpose, /*step=*/0));
    // Discard the metrics of a run that was stopped before its first checkpoint.
    folder->continue_metrics(0);
    weights.initialise([&](const std::string& name, Tensor& weight) {
      if (callbacks.fill_weight && callbacks.fill_weight(name, weight)) return;
      // The CPU's generator gives the same weights on all devices.
      auto on_cpu = at::empty_like(weight, weight.options().device(at::kCPU));
      stage.initialise(name, on_cpu, random);
      weight.copy_(on_cpu);
    });
    average.reset();
  }

  // Repeated after each save, so that ranks whose processors round differently do not diverge.
  const auto share = [&] { share_state(ranks, weights, average, stage.state(), {&step}); };
  share();

  const auto save = [&] {
    if (leads) {
      folder->save_checkpoint({step, step - weights.steps_taken()}, identity, state, window);
      if (callbacks.saved) callbacks.saved(*folder);
    }
    share();
  };
  const auto show_samples = [&] {
    average.copy_to_modules();
    {
      at::NoGradGuard no_grad;
      folder->write_samples(step, stage.sample_sheet());
    }
    weights.use_masters();
  };

  GradientReducer gradients(weights, ranks, options.bucket_bytes);
  auto loader = loader_of(stage, options, division, step);
  auto saved_at = Clock::now();
  int64_t skipped_in_a_row = 0;
  Decisions decisions;
  while (step < options.steps && !decisions.stop) {
    const auto began = Clock::now();
    const auto result = combined(
        ranks, accumulate_gradients(stage, gradients, loader, division, step, options.accumulate));
    const double rate = options.learning_rate.at(step);
    const bool has_loss = std::isfinite(result.loss);
    if (!has_loss) weights.drop_gradients();
    const double norm = has_loss ? of_first(ranks, weights.gradient_norm()) : std::nan("");
    if (has_loss) weights.step(rate, norm);
    if (std::isfinite(norm)) {
      average.update();
      auto measured = result.parts.front().values;
      measured[kLoss] = result.loss;
      measured[kGradientNorm] = norm;
      window.add(measured);
      skipped_in_a_row = 0;
      at::NoGradGuard no_grad;
      stage.after_step(step);
    } else {
      if (has_loss) {
        window.skip({{kLoss, result.loss}}, {kGradientNorm});
      } else {
        window.skip({}, {kLoss, kGradientNorm});
      }
      if (++skipped_in_a_row == kMostSkipped) {
        fail(ErrorCode::kInvalidInput,
             leads ? folder->path().string() : "the run",
             ": none of the last ",
             kMostSkipped,
             " steps had a finite loss and a finite gradient; restart from the last checkpoint with"
             " a lower learning rate");
      }
    }
    window.add_seconds(seconds_since(began));
    ++step;

    if (step % options.metrics_every == 0 || step == options.steps) {
      LoopProgress progress{step, options.steps, std::nan(""), window.seconds_per_step()};
      Metrics metrics{step - 1, window.take()};
      progress.loss = metrics.values.at(kLoss);
      metrics.values["learning_rate"] = rate;
      metrics.values["seconds_per_step"] = progress.seconds_per_step;
      if (leads) folder->append(metrics);
      if (callbacks.progress) callbacks.progress(progress);
    }
    decisions.stop = callbacks.should_stop && callbacks.should_stop();
    if (decisions.stop && !leads) fail(ErrorCode::kCancelled, "stopped");
    decisions.save = seconds_since(saved_at) > options.checkpoint_seconds;
    share_decisions(ranks, decisions);
    if (decisions.save || decisions.stop || step == options.steps) {
      save();
      saved_at = Clock::now();
    }
    const bool shows_samples =
        options.samples_every > 0 && (step % options.samples_every == 0 || step == options.steps);
    if (leads && shows_samples) show_samples();
  }

  if (leads) {
    average.copy_to_modules();
    {
      at::NoGradGuard no_grad;
      stage.write_components(folder->components());
      write_training_modules(folder->components(), stage.modules());
    }
    weights.use_masters();
  }
  // The other ranks wait until rank 0 has written everything.
  ranks.barrier();
  return step;
}

}  // namespace glm_image::train
