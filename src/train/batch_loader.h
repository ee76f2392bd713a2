#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "train/stage.h"

namespace glm_image::train {

/// Makes the batches of coming steps on threads of its own, a few ahead, and gives them in order.
class BatchLoader {
 public:
  BatchLoader(Stage& stage, int64_t first_step, int64_t end_step, int64_t threads);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The next batch; waits for it. Throws what making it threw.
  Batch next();

 private:
  struct Made {
    Batch batch;
    std::exception_ptr failure;  ///< what making it threw, or none
  };
  void run(const BatchMaker& make);

  int64_t next_given_, next_made_, end_step_, ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, Made> made_;  ///< by step
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace glm_image::train
