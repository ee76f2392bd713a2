#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "train/stage.h"

namespace glm_image::train {

/// Makes the batches of coming steps on a thread of its own, in order, a few ahead.
class BatchLoader {
 public:
  BatchLoader(Stage& stage, int64_t first_step, int64_t end_step, size_t ahead = 3);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The next batch; waits for it. Throws what making it threw.
  Batch next();

 private:
  void run();

  Stage& stage_;
  int64_t next_step_, end_step_;
  size_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace glm_image::train
