#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "train/stage.h"

namespace glm_image::train {

/// Prepares batches ahead of time on its own threads and returns them in order.
class BatchLoader {
 public:
  /// Returns the batches index_of(first) … index_of(end − 1).
  using IndexOf = std::function<int64_t(int64_t)>;
  BatchLoader(
      Stage& stage,
      int64_t first,
      int64_t end,
      int64_t threads,
      IndexOf index_of = [](int64_t index) { return index; });
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Blocks until the next batch is ready. Rethrows the exception that its preparation threw.
  Batch next();

 private:
  struct Made {
    Batch batch;
    std::exception_ptr failure;  ///< exception from BatchMaker, or null
  };
  void run(const BatchMaker& make);

  const IndexOf index_of_;
  int64_t next_given_, next_made_, end_, ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, Made> made_;  ///< by the batch's number, before index_of_
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace glm_image::train
