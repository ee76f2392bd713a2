#include "train/master_weights.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace glm_image::train {

MasterWeights::MasterWeights(const std::vector<TrainedModule>& modules,
                             at::ScalarType working_type,
                             const at::Device& device,
                             const OptimizerOptions& options)
    : options_(options) {
  for (const auto& trained : modules) {
    for (const auto& item : trained.module->named_parameters()) {
      const auto& parameter = item.value();
      const auto& left_out = trained.left_out;
      if (std::find(left_out.begin(), left_out.end(), item.key()) != left_out.end()) continue;
      slots_.push_back(
          {trained.name + "." + item.key(), parameter, 0, parameter.numel(), parameter.dim() == 4});
    }
  }
  const auto decays = [](const Slot& slot) { return slot.parameter.dim() > 1; };
  std::stable_partition(slots_.begin(), slots_.end(), decays);
  int64_t total = 0;
  for (auto& slot : slots_) {
    slot.begin = total;
    total += slot.count;
    if (decays(slot)) decayed_ = total;
  }

  const auto wide = at::TensorOptions().dtype(at::kFloat).device(device);
  working_ = at::zeros({total}, wide.dtype(working_type));
  for (auto* buffer : {&master_, &gradient_, &first_moment_, &second_moment_, &average_}) {
    *buffer = at::zeros({total}, wide);
  }
  steps_ = at::zeros({}, at::kLong);
  for (auto& slot : slots_) {
    slot.parameter.set_data(view(working_, slot));
    slot.parameter.set_requires_grad(true);
  }
}

Tensor MasterWeights::view(const Tensor& buffer, const Slot& slot) const {
  const auto values = buffer.narrow(0, slot.begin, slot.count);
  const auto sizes = slot.parameter.sizes();
  if (!slot.channels_last) return values.view(sizes);
  return values.view({sizes[0], sizes[2], sizes[3], sizes[1]}).permute({0, 3, 1, 2});
}

void MasterWeights::initialise(
    const std::function<void(const std::string& name, Tensor& weight)>& fill) {
  at::NoGradGuard no_grad;
  for (const auto& slot : slots_) {
    auto weight = view(master_, slot);
    fill(slot.name, weight);
  }
  average_.copy_(master_);
  use_masters();
}

void MasterWeights::accumulate(int64_t parts) {
  at::NoGradGuard no_grad;
  for (auto& slot : slots_) {
    const auto& gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    view(gradient_, slot).add_(gradient, 1.0 / static_cast<double>(parts));
    slot.parameter.mutable_grad() = Tensor();
  }
}

double MasterWeights::step(double learning_rate) {
  at::NoGradGuard no_grad;
  const double norm = gradient_.norm().item<double>();
  if (std::isfinite(norm)) {
    if (norm > options_.clip) gradient_.mul_(options_.clip / norm);
    steps_.add_(1);
    update_range(0, decayed_, learning_rate, options_.weight_decay);
    update_range(decayed_, master_.numel(), learning_rate, 0);
    // Early averages would remember the random start: the decay grows with the steps taken.
    const auto taken = static_cast<double>(steps_taken());
    const double decay = std::min(options_.average, (1 + taken) / (10 + taken));
    average_.lerp_(master_, 1 - decay);
    use_masters();
  }
  gradient_.zero_();
  return norm;
}

void MasterWeights::drop_gradients() {
  at::NoGradGuard no_grad;
  gradient_.zero_();
}

void MasterWeights::update_range(int64_t begin,
                                 int64_t end,
                                 double learning_rate,
                                 double weight_decay) {
  if (begin == end) return;
  const auto part = [&](const Tensor& buffer) { return buffer.narrow(0, begin, end - begin); };
  const auto taken = static_cast<double>(steps_taken());
  const double correction1 = 1 - std::pow(options_.beta1, taken);
  const double correction2 = 1 - std::pow(options_.beta2, taken);
  const auto gradient = part(gradient_);
  auto master = part(master_), first = part(first_moment_), second = part(second_moment_);
  first.lerp_(gradient, 1 - options_.beta1);
  second.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const auto scale = (second / correction2).sqrt_().add_(options_.epsilon);
  if (weight_decay > 0) master.mul_(1 - learning_rate * weight_decay);
  master.addcdiv_(first, scale, -learning_rate / correction1);
}

void MasterWeights::use_average() {
  at::NoGradGuard no_grad;
  working_.copy_(average_);
}

void MasterWeights::use_masters() {
  at::NoGradGuard no_grad;
  working_.copy_(master_);
}

void MasterWeights::restored(const std::string& source, int64_t most_steps) {
  if (steps_taken() < 0 || steps_taken() > most_steps) {
    fail(ErrorCode::kCorruptFile,
         source,
         ": the tensor 'optimizer.steps' must be an integer from 0 to ",
         most_steps,
         ", found ",
         steps_taken());
  }
  for (const auto& slot : slots_) {
    // A mean of squares; its root would be NaN.
    if (slot.count > 0 && view(second_moment_, slot).min().item<double>() < 0) {
      fail(ErrorCode::kCorruptFile,
           source,
           ": the tensor 'second_moment.",
           slot.name,
           "' has a value below 0");
    }
  }
  use_masters();
}

NamedTensors MasterWeights::state() {
  NamedTensors state;
  const std::pair<const char*, const Tensor*> buffers[] = {{"master.", &master_},
                                                           {"average.", &average_},
                                                           {"first_moment.", &first_moment_},
                                                           {"second_moment.", &second_moment_}};
  for (const auto& [prefix, buffer] : buffers) {
    for (const auto& slot : slots_) state.emplace_back(prefix + slot.name, view(*buffer, slot));
  }
  state.emplace_back("optimizer.steps", steps_);
  return state;
}

}  // namespace glm_image::train
