#include "cluster/key_table.h"

#include "core/error.h"
#include "core/prefix.h"

namespace glm_image::cluster {
namespace {

template <typename Values>
void erase_prefix(Values& values, const std::string& prefix) {
  for (auto item = values.lower_bound(prefix);
       item != values.end() && starts_with(item->first, prefix);) {
    item = values.erase(item);
  }
}

}  // namespace

void KeyTable::set(const std::string& key, const std::string& value) {
  std::vector<OnValue> waiting;
  {
    const std::lock_guard lock(mutex_);
    values_[key] = value;
    if (const auto found = waiting_.find(key); found != waiting_.end()) {
      waiting = std::move(found->second);
      waiting_.erase(found);
    }
    change_.notify_all();
  }
  for (const auto& on_value : waiting) on_value(value);
}

std::string KeyTable::get(const std::string& key, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    if (const auto found = values_.find(key); found != values_.end()) return found->second;
    for (const auto& [prefix, reason] : ended_) {
      if (starts_with(key, prefix)) fail(ErrorCode::kCancelled, reason);
    }
    if (change_.wait_until(lock, end) == std::cv_status::timeout) {
      fail(ErrorCode::kInternal,
           "another rank did not give its address within ",
           limit.count() / 1000,
           " s");
    }
  }
}

void KeyTable::when_set(const std::string& key, OnValue on_value) {
  std::string value;
  {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    if (found == values_.end()) {
      waiting_[key].push_back(std::move(on_value));
      return;
    }
    value = found->second;
  }
  on_value(value);
}

void KeyTable::end(const std::string& prefix, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  ended_.emplace(prefix, reason);
  change_.notify_all();
}

void KeyTable::forget(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  erase_prefix(values_, prefix);
  erase_prefix(waiting_, prefix);
  erase_prefix(ended_, prefix);
}

}  // namespace glm_image::cluster
