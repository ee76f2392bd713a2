#include "train/training_loop.h"

#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "train/batch_loader.h"
#include "train/seeds.h"
#include "train/start_weights.h"

namespace glm_image::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

constexpr int64_t kMostSkipped = 100;
constexpr const char* kLoss = "loss";
constexpr const char* kGradientNorm = "gradient_norm";

/// Mean of the batches of one step, of each name those that are not NaN.
Measured mean_of(const std::vector<Measured>& parts) {
  std::map<std::string, std::vector<double>> values;
  for (const auto& part : parts) {
    for (const auto& [name, value] : part) {
      if (!std::isnan(value)) values[name].push_back(value);
    }
  }
  Measured means;
  for (const auto& [name, of_batches] : values) {
    const double sum = std::accumulate(of_batches.begin(), of_batches.end(), 0.0);
    means[name] = sum / static_cast<double>(of_batches.size());
  }
  return means;
}

/// Reads the folder's checkpoint and metrics into `state`, whose tensors are those of `weights` and
/// of the stage. Returns the next step.
int64_t resume(RunFolder& folder,
               const std::string& identity,
               const NamedTensors& state,
               MasterWeights& weights,
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

/// One step's loss and gradient, and what its batches measured.
struct StepResult {
  double loss = 0;
  std::vector<Measured> parts;
};

/// Adds the gradients of a step's batches. Behind a loss that is not finite no gradient is
/// computed: the step is lost.
StepResult accumulate_gradients(
    Stage& stage, MasterWeights& weights, BatchLoader& loader, int64_t step, int64_t batches) {
  StepResult result;
  for (int64_t i = 0; i < batches; ++i) {
    const auto batch = loader.next();
    auto outcome = stage.forward(batch, step * batches + i);
    result.loss += outcome.loss.item<double>() / static_cast<double>(batches);
    if (std::isfinite(result.loss)) {
      outcome.loss.backward();
      weights.accumulate(batches);
    }
    auto& measured = result.parts.emplace_back();
    for (const auto& [name, value] : outcome.parts) measured[name] = value.item<double>();
  }
  return result;
}

}  // namespace

int64_t run_training(Stage& stage,
                     MasterWeights& weights,
                     RunFolder& folder,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks) {
  auto state = weights.state();
  for (const auto& item : stage.state()) state.push_back(item);

  int64_t step = 0;
  MetricsWindow window;
  if (folder.has_checkpoint()) {
    step = resume(folder, options.identity, state, weights, window);
  } else {
    auto random = make_random(mix_seed(options.seed, /*purpose=*/0, 0));
    // Metrics of a run that was stopped before its first checkpoint are forgotten.
    folder.continue_metrics(0);
    weights.initialise([&](const std::string& name, Tensor& weight) {
      if (callbacks.fill_weight && callbacks.fill_weight(name, weight)) return;
      // Random numbers come from the CPU's generator, whatever the device.
      auto on_cpu = at::empty_like(weight, weight.options().device(at::kCPU));
      stage.initialise(name, on_cpu, random);
      weight.copy_(on_cpu);
    });
  }

  const auto save = [&] {
    folder.save_checkpoint({step, step - weights.steps_taken()}, options.identity, state, window);
    folder.write_plot();
  };
  const auto show_samples = [&] {
    weights.use_average();
    {
      at::NoGradGuard no_grad;
      folder.write_samples(step, stage.sample_sheet());
    }
    weights.use_masters();
  };

  BatchLoader loader(
      stage, step * options.accumulate, options.steps * options.accumulate, options.loader_threads);
  auto saved_at = Clock::now();
  int64_t skipped_in_a_row = 0;
  bool stopped = false;
  while (step < options.steps && !stopped) {
    const auto began = Clock::now();
    const auto result = accumulate_gradients(stage, weights, loader, step, options.accumulate);
    const double rate = options.learning_rate.at(step);
    const bool has_loss = std::isfinite(result.loss);
    if (!has_loss) weights.drop_gradients();
    const double norm = has_loss ? weights.step(rate) : std::nan("");
    if (std::isfinite(norm)) {
      auto measured = mean_of(result.parts);
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
             folder.path().string(),
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
      folder.append(metrics);
      if (callbacks.progress) callbacks.progress(progress);
    }
    stopped = callbacks.should_stop && callbacks.should_stop();
    if (seconds_since(saved_at) > options.checkpoint_seconds || stopped || step == options.steps) {
      save();
      saved_at = Clock::now();
    }
    if (options.samples_every > 0 && (step % options.samples_every == 0 || step == options.steps)) {
      show_samples();
    }
  }

  weights.use_average();
  {
    at::NoGradGuard no_grad;
    stage.write_components(folder.components());
    write_training_modules(folder.components(), stage.modules());
  }
  weights.use_masters();
  return step;
}

}  // namespace glm_image::train
