#include "train/training_loop.h"

#include <chrono>
#include <cmath>

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

/// Mean of the batches of one step, of each name those that are not NaN.
Measured mean_of(const std::vector<Measured>& parts) {
  MetricsWindow window;
  for (const auto& part : parts) window.add(part);
  return window.take();
}

constexpr int64_t kMostSkipped = 100;

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
    step = folder.load_checkpoint(options.identity, state, window);
    weights.restored();
  } else {
    folder.forget_metrics();
    auto random = make_random(mix_seed(options.seed, /*purpose=*/0, 0));
    weights.initialise([&](const std::string& name, Tensor& weight) {
      if (callbacks.fill_weight && callbacks.fill_weight(name, weight)) return;
      // Random numbers come from the CPU's generator, whatever the device.
      auto on_cpu = at::empty_like(weight, weight.options().device(at::kCPU));
      stage.initialise(name, on_cpu, random);
      weight.copy_(on_cpu);
    });
  }

  const auto save = [&] {
    folder.save_checkpoint(step, options.identity, state, window);
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
    double step_loss = 0;
    std::vector<Measured> parts;
    for (int64_t part = 0; part < options.accumulate; ++part) {
      const auto batch = loader.next();
      auto outcome = stage.forward(batch, step * options.accumulate + part);
      outcome.loss.backward();
      weights.accumulate(options.accumulate);
      step_loss += outcome.loss.item<double>() / static_cast<double>(options.accumulate);
      auto& measured = parts.emplace_back();
      for (const auto& [name, value] : outcome.parts) measured[name] = value.item<double>();
    }
    const double rate = options.learning_rate.at(step);
    const double norm = weights.step(rate);
    if (std::isfinite(step_loss) && std::isfinite(norm)) {
      auto measured = mean_of(parts);
      measured["loss"] = step_loss;
      measured["gradient_norm"] = norm;
      window.add(measured);
      skipped_in_a_row = 0;
      at::NoGradGuard no_grad;
      stage.after_step(step);
    } else {
      window.skip();
      if (++skipped_in_a_row == kMostSkipped) {
        fail(ErrorCode::kInvalidInput,
             folder.path().string(),
             ": no step of the last ",
             kMostSkipped,
             " gave a finite gradient; go on from the last checkpoint with a lower learning rate");
      }
    }
    window.add_seconds(seconds_since(began));
    ++step;

    if (step % options.metrics_every == 0 || step == options.steps) {
      LoopProgress progress{step, options.steps, std::nan(""), window.seconds_per_step()};
      Metrics metrics{step - 1, window.take()};
      const auto loss = metrics.values.find("loss");
      if (loss != metrics.values.end()) progress.loss = loss->second;
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
