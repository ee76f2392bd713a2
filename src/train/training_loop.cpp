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

/// Means of what a few steps measured, and how many of them changed nothing, since they gave no
/// finite gradient.
class MetricsWindow {
 public:
  void add(const std::map<std::string, double>& step) {
    for (const auto& [name, value] : step) sums_[name] += value;
    ++steps_;
  }
  void skip() { ++skipped_; }
  int64_t steps() const { return steps_ + skipped_; }
  std::map<std::string, double> take() {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_) means[name] = sum / static_cast<double>(steps_);
    if (skipped_ > 0) means["skipped"] = static_cast<double>(skipped_);
    *this = {};
    return means;
  }

 private:
  std::map<std::string, double> sums_;
  int64_t steps_ = 0, skipped_ = 0;
};

}  // namespace

int64_t run_training(Stage& stage,
                     MasterWeights& weights,
                     RunFolder& folder,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks) {
  auto state = weights.state();
  for (const auto& item : stage.state()) state.push_back(item);

  int64_t step = 0;
  if (folder.has_checkpoint()) {
    step = folder.load_checkpoint(options.identity, state);
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
    folder.save_checkpoint(step, options.identity, state);
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
  MetricsWindow window;
  auto saved_at = Clock::now(), window_began = saved_at;
  bool stopped = false;
  while (step < options.steps && !stopped) {
    double step_loss = 0;
    std::map<std::string, double> measured;
    for (int64_t part = 0; part < options.accumulate; ++part) {
      const auto batch = loader.next();
      auto outcome = stage.forward(batch, step * options.accumulate + part);
      outcome.loss.backward();
      weights.accumulate(options.accumulate);
      step_loss += outcome.loss.item<double>() / static_cast<double>(options.accumulate);
      for (const auto& [name, value] : outcome.parts) {
        measured[name] += value.item<double>() / static_cast<double>(options.accumulate);
      }
    }
    const double rate = options.learning_rate.at(step);
    const double norm = weights.step(rate);
    if (std::isfinite(step_loss) && std::isfinite(norm)) {
      measured["loss"] = step_loss;
      measured["gradient_norm"] = norm;
      window.add(measured);
      at::NoGradGuard no_grad;
      stage.after_step(step);
    } else {
      window.skip();
    }
    ++step;

    if (step % options.metrics_every == 0 || step == options.steps) {
      LoopProgress progress{step, options.steps, 0, 0};
      progress.seconds_per_step = seconds_since(window_began) / static_cast<double>(window.steps());
      Metrics metrics{step - 1, window.take()};
      progress.loss = metrics.values["loss"];
      metrics.values["learning_rate"] = rate;
      metrics.values["seconds_per_step"] = progress.seconds_per_step;
      folder.append(metrics);
      window_began = Clock::now();
      if (callbacks.progress) callbacks.progress(progress);
    }
    stopped = callbacks.should_stop && callbacks.should_stop();
    // Between two lines of the metrics: the one that is begun could not go on after a restart.
    const bool is_due = seconds_since(saved_at) > options.checkpoint_seconds && window.steps() == 0;
    if (is_due || stopped || step == options.steps) {
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
