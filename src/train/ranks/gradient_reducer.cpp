#include "train/ranks/gradient_reducer.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::train {

GradientReducer::GradientReducer(MixedPrecisionAdamW& weights, Ranks& ranks, int64_t bucket_bytes)
    : weights_(weights), ranks_(ranks) {
  if (ranks_.size() == 1) return;
  make_buckets(bucket_bytes);
  for (auto& hook : hooks_) {
    hook.id = hook.parameter.register_hook(
        [this, &hook](const Tensor& gradient) { on_gradient(hook, gradient); });
  }
}

GradientReducer::~GradientReducer() {
  for (auto& hook : hooks_) hook.parameter.remove_hook(hook.id);
}

void GradientReducer::make_buckets(int64_t bucket_bytes) {
  const auto slots = weights_.gradient_slots();
  size_t decayed = 0;  // buckets of parameters with weight decay, which come first
  bool is_decayed = true;
  for (const auto& slot : slots) {
    const int64_t limit = bucket_bytes / static_cast<int64_t>(sizeof(float));
    const bool begins_others = is_decayed && !slot.has_decay;
    if (begins_others) {
      is_decayed = false;
      decayed = buckets_.size();
    }
    if (buckets_.empty() || begins_others || buckets_.back().end - buckets_.back().begin >= limit) {
      buckets_.push_back({slot.begin, slot.begin, 0, 0});
    }
    auto& bucket = buckets_.back();
    bucket.end = slot.begin + slot.count;
    ++bucket.parameters;
    hooks_.push_back({slot.parameter, slot.gradient, buckets_.size() - 1});
  }
  if (is_decayed) decayed = buckets_.size();
  // The backward pass begins with the last layers. Biases and gains of all layers are together.
  for (size_t i = decayed; i > 0; --i) order_.push_back(i - 1);
  for (size_t i = buckets_.size(); i > decayed; --i) order_.push_back(i - 1);
}

void GradientReducer::backward(const Tensor& loss, int64_t parts, bool is_last) {
  if (ranks_.size() == 1) {
    loss.backward();
    weights_.accumulate(parts);
    return;
  }
  scale_ = 1.0 / static_cast<double>(parts);
  is_last_ = is_last;
  for (auto& hook : hooks_) hook.is_done = false;
  for (auto& bucket : buckets_) bucket.missing = bucket.parameters;
  loss.backward();
  is_last_ = false;
  weights_.clear_parameter_gradients();
}

void GradientReducer::on_gradient(Hook& hook, const Tensor& gradient) {
  const std::lock_guard lock(mutex_);
  const at::NoGradGuard no_grad;
  GLM_IMAGE_CHECK(!hook.is_done, "a parameter got two gradients in one backward pass");
  hook.is_done = true;
  hook.gradient.add_(gradient, scale_);
  if (!is_last_ || --buckets_[hook.bucket].missing > 0) return;
  observed_.push_back(hook.bucket);
  begin_complete();
}

/// Begins the next reductions in the common order, up to the first bucket that is not complete.
void GradientReducer::begin_complete() {
  const auto is_complete = [this](size_t bucket) {
    return std::find(observed_.begin(), observed_.end(), bucket) != observed_.end();
  };
  while (pending_.size() < order_.size() && is_complete(order_[pending_.size()])) begin_next();
}

void GradientReducer::begin_next() {
  const auto& bucket = buckets_[order_[pending_.size()]];
  pending_.push_back(ranks_.begin_all_reduce(
      weights_.gradients().narrow(0, bucket.begin, bucket.end - bucket.begin)));
}

void GradientReducer::finish() {
  if (ranks_.size() == 1) return;
  // Buckets with parameters that got no gradient become complete here.
  while (pending_.size() < order_.size()) begin_next();
  for (const auto& wait : pending_) wait();
  pending_.clear();
  if (!has_learnt_order_) learn_order();
  observed_.clear();
}

void GradientReducer::learn_order() {
  auto order = at::empty({static_cast<int64_t>(order_.size())}, at::kLong);
  auto* values = order.data_ptr<int64_t>();
  for (const size_t bucket : order_) {
    if (std::find(observed_.begin(), observed_.end(), bucket) == observed_.end()) {
      observed_.push_back(bucket);
    }
  }
  std::copy(observed_.begin(), observed_.end(), values);
  ranks_.broadcast(order);
  std::copy(values, values + order_.size(), order_.begin());
  has_learnt_order_ = true;
}

}  // namespace glm_image::train
