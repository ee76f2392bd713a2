#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"
#include "train/ranks/ranks.h"

namespace glm_image::test {

/// What ranks that are threads of one process share.
class ThreadMeeting {
 public:
  explicit ThreadMeeting(int size) : size_(size) {}
  int size() const { return size_; }

  void give(int64_t operation, int rank, const Tensor& tensor) {
    const std::lock_guard lock(mutex_);
    auto& given = given_[operation];
    given.resize(size_);
    given[rank] = tensor.detach().clone();
    change_.notify_all();
  }
  /// The tensors of all ranks. Throws kCancelled after stop().
  std::vector<Tensor> of_all(int64_t operation) {
    std::unique_lock lock(mutex_);
    change_.wait(lock, [&] {
      if (is_stopped_) return true;
      for (const auto& tensor : given_[operation]) {
        if (!tensor.defined()) return false;
      }
      return !given_[operation].empty();
    });
    if (is_stopped_) fail(ErrorCode::kCancelled, "a rank was lost");
    return given_[operation];
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    change_.notify_all();
  }

 private:
  const int size_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::map<int64_t, std::vector<Tensor>> given_;  ///< by operation
  bool is_stopped_ = false;
};

/// One rank of a ThreadMeeting. Sums are taken in the order of ranks.
class ThreadRanks : public train::Ranks {
 public:
  ThreadRanks(ThreadMeeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return meeting_.size(); }
  Wait begin_all_reduce(Tensor tensor) override {
    const int64_t operation = next_++;
    meeting_.give(operation, rank_, tensor);
    return [this, operation, tensor] {
      const at::NoGradGuard no_grad;
      const auto given = meeting_.of_all(operation);
      auto sum = given.front().clone();
      for (size_t i = 1; i < given.size(); ++i) sum.add_(given[i]);
      tensor.copy_(sum);
    };
  }
  void broadcast(Tensor tensor) override {
    const at::NoGradGuard no_grad;
    const int64_t operation = next_++;
    meeting_.give(operation, rank_, tensor);
    tensor.copy_(meeting_.of_all(operation).front());
  }

 private:
  ThreadMeeting& meeting_;
  const int rank_;
  int64_t next_ = 0;
};

/// Calls `work` as each of the ranks, on threads. If a rank throws, the others are stopped, and
/// what the first one threw is thrown.
inline void on_ranks(int size, const std::function<void(train::Ranks& ranks)>& work) {
  ThreadMeeting meeting(size);
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&](int rank) {
    ThreadRanks ranks(meeting, rank);
    try {
      work(ranks);
    } catch (...) {
      {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
      meeting.stop();
    }
  };
  std::vector<std::thread> others;
  for (int rank = 1; rank < size; ++rank) others.emplace_back(run, rank);
  run(0);
  for (auto& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace glm_image::test
