#include "train/training_loop.h"

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "train/batch_loader.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

/// Means of what a few steps measured.
class MetricsWindow {
 public:
  void add(const std::string& name, double value) { sums_[name] += value; }
  void count_step() { ++steps_; }
  int64_t steps() const { return steps_; }
  std::map<std::string, double> take() {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_) means[name] = sum / static_cast<double>(steps_);
    sums_.clear();
    steps_ = 0;
    return means;
  }

 private:
  std::map<std::string, double> sums_;
  int64_t steps_ = 0;
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
    auto random = make_random(mix_seed(options.seed, /*purpose=*/0, 0));
    weights.initialise([&](const std::string& name, Tensor& weight) {
      if (callbacks.fill_weight && callbacks.fill_weight(name, weight)) return;
      // Random numbers come from the CPU's generator, whatever the device.
      auto on_cpu = at::empty_like(weight, weight.options().device(at::kCPU));
      stage.initialise(name, on_cpu, random);
      weight.copy_(on_cpu);
    });
  }

  const auto save = [&] { folder.save_checkpoint(step, options.identity, state); };
  const auto show_samples = [&] {
    weights.use_average();
    {
      at::NoGradGuard no_grad;
      folder.write_samples(step, stage.sample_sheet());
    }
    weights.use_masters();
    folder.write_plot();
  };

  BatchLoader loader(
      stage, step * options.accumulate, options.steps * options.accumulate, options.loader_threads);
  MetricsWindow window;
  auto saved_at = Clock::now(), window_began = saved_at;
  bool stopped = false;
  while (step < options.steps && !stopped) {
    double step_loss = 0;
    for (int64_t part = 0; part < options.accumulate; ++part) {
      const auto batch = loader.next();
      auto outcome = stage.forward(batch, step * options.accumulate + part);
      outcome.loss.backward();
      weights.accumulate(options.accumulate);
      step_loss += outcome.loss.item<double>() / static_cast<double>(options.accumulate);
      for (const auto& [name, value] : outcome.parts) {
        window.add(name, value.item<double>() / static_cast<double>(options.accumulate));
      }
    }
    const double rate = options.learning_rate.at(step);
    const double norm = weights.step(rate);
    if (!std::isfinite(step_loss) || !std::isfinite(norm)) {
      window.add("skipped", 1);
    } else {
      window.add("loss", step_loss);
      window.add("gradient_norm", norm);
    }
    window.count_step();
    {
      at::NoGradGuard no_grad;
      stage.after_step(step);
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
  }
  weights.use_masters();
  return step;
}

}  // namespace glm_image::train
