#include "train/weights/mixed_precision_adamw.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace glm_image::train {

MixedPrecisionAdamW::MixedPrecisionAdamW(const std::vector<TrainedModule>& modules,
                                         at::ScalarType working_type,
                                         const at::Device& device,
                                         const OptimizerOptions& options)
    : options_(options) {
  for (const auto& trained : modules) {
    for (const auto& item : trained.module->named_parameters()) {
      const auto& parameter = item.value();
      const auto& frozen = trained.frozen;
      if (std::find(frozen.begin(), frozen.end(), item.key()) != frozen.end()) continue;
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
  for (auto* buffer : {&master_, &gradient_, &first_moment_, &second_moment_}) {
    *buffer = at::zeros({total}, wide);
  }
  steps_ = at::zeros({}, at::kLong);
  for (auto& slot : slots_) {
    slot.parameter.set_data(view(working_, slot));
    slot.parameter.set_requires_grad(true);
  }
}

int64_t MixedPrecisionAdamW::values_of(const std::vector<TrainedModule>& modules) {
  int64_t values = 0;
  for (const auto& trained : modules) {
    const auto& frozen = trained.frozen;
    for (const auto& item : trained.module->named_parameters()) {
      if (std::find(frozen.begin(), frozen.end(), item.key()) == frozen.end()) {
        values += item.value().numel();
      }
    }
  }
  return values;
}

int64_t MixedPrecisionAdamW::bytes_for(const std::vector<TrainedModule>& modules,
                                       at::ScalarType working_type) {
  // Masters, gradients and two moments.
  constexpr int64_t kWideBuffers = 4;
  const auto working = static_cast<int64_t>(c10::elementSize(working_type));
  return values_of(modules) * (2 * working + kWideBuffers * static_cast<int64_t>(sizeof(float)));
}

Tensor MixedPrecisionAdamW::view(const Tensor& buffer, const Slot& slot) const {
  const auto values = buffer.narrow(0, slot.begin, slot.count);
  const auto sizes = slot.parameter.sizes();
  if (!slot.channels_last) return values.view(sizes);
  return values.view({sizes[0], sizes[2], sizes[3], sizes[1]}).permute({0, 3, 1, 2});
}

void MixedPrecisionAdamW::initialise(
    const std::function<void(const std::string& name, Tensor& weight)>& fill) {
  at::NoGradGuard no_grad;
  for (const auto& slot : slots_) {
    auto weight = view(master_, slot);
    fill(slot.name, weight);
  }
  use_masters();
}

void MixedPrecisionAdamW::accumulate(int64_t parts) {
  at::NoGradGuard no_grad;
  for (auto& slot : slots_) {
    const auto& gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    view(gradient_, slot).add_(gradient, 1.0 / static_cast<double>(parts));
    slot.parameter.mutable_grad() = Tensor();
  }
}

std::vector<MixedPrecisionAdamW::GradientSlot> MixedPrecisionAdamW::gradient_slots() const {
  std::vector<GradientSlot> slots;
  for (const auto& slot : slots_) {
    slots.push_back(
        {slot.parameter, view(gradient_, slot), slot.begin, slot.count, slot.begin < decayed_});
  }
  return slots;
}

void MixedPrecisionAdamW::clear_parameter_gradients() {
  for (auto& slot : slots_) slot.parameter.mutable_grad() = Tensor();
}

double MixedPrecisionAdamW::step(double learning_rate, double norm) {
  at::NoGradGuard no_grad;
  if (std::isfinite(norm)) {
    if (norm > options_.max_grad_norm) gradient_.mul_(options_.max_grad_norm / norm);
    steps_.add_(1);
    update_range(0, decayed_, learning_rate, options_.weight_decay);
    update_range(decayed_, master_.numel(), learning_rate, 0);
    use_masters();
  }
  gradient_.zero_();
  return norm;
}

void MixedPrecisionAdamW::drop_gradients() {
  at::NoGradGuard no_grad;
  gradient_.zero_();
}

void MixedPrecisionAdamW::update_range(int64_t begin,
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

void MixedPrecisionAdamW::use(const Tensor& buffer) {
  at::NoGradGuard no_grad;
  working_.copy_(buffer);
}

void MixedPrecisionAdamW::restored(const std::string& source, int64_t most_steps) {
  if (steps_taken() < 0 || steps_taken() > most_steps) {
    fail(ErrorCode::kCorruptFile,
         source,
         ": the tensor 'optimizer.steps' must be an integer from 0 to ",
         most_steps,
         ", found ",
         steps_taken());
  }
  for (const auto& slot : slots_) {
    // A second moment is a mean of squares; AdamW takes its square root.
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

NamedTensors MixedPrecisionAdamW::views(const std::string& prefix, const Tensor& buffer) const {
  NamedTensors views;
  for (const auto& slot : slots_) views.emplace_back(prefix + slot.name, view(buffer, slot));
  return views;
}

NamedTensors MixedPrecisionAdamW::state() const {
  NamedTensors state;
  const std::pair<const char*, const Tensor*> buffers[] = {{"master.", &master_},
                                                           {"first_moment.", &first_moment_},
                                                           {"second_moment.", &second_moment_}};
  for (const auto& [prefix, buffer] : buffers) {
    for (auto& item : views(prefix, *buffer)) state.push_back(std::move(item));
  }
  state.emplace_back("optimizer.steps", steps_);
  return state;
}

}  // namespace glm_image::train
