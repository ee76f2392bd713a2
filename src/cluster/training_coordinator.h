#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "cluster/group_seat.h"
#include "cluster/members.h"
#include "core/error.h"
#include "train/ranks/ranks.h"

namespace glm_image::cluster {

/// Rank 0 of a training. Forms the group of ranks, and forms it again when a rank is lost.
class TrainingCoordinator {
 public:
  using Notice = std::function<void(const std::string& sentence)>;
  /// Trains to the end, or from the last checkpoint.
  using Train = std::function<void(train::Ranks& ranks)>;

  /// Listens at once. `options.work` must be kTraining. Throws as Members does. `notice` is called
  /// from any thread.
  TrainingCoordinator(MemberOptions options, Notice notice);
  ~TrainingCoordinator();
  TrainingCoordinator(const TrainingCoordinator&) = delete;
  TrainingCoordinator& operator=(const TrainingCoordinator&) = delete;

  /// As Members::wait_for_all.
  bool wait_for_all(const std::function<bool()>& goes_on) { return members_.wait_for_all(goes_on); }
  /// Calls `train` on this rank and on all ready workers. If a rank is lost, `train` ends on the
  /// others and is called again with those that are left, in the end with this one alone. Throws
  /// what `train` threw here, and kInternal for a failure on a worker, which names it.
  void run(const Train& train);
  /// Ends the workers. They print the reason unless it is empty.
  void dismiss(const std::string& reason) { members_.dismiss(reason); }

 private:
  bool train_once(const Train& train);
  std::shared_ptr<GroupSeat> begin(std::vector<int> ranks);
  void send_group(const GroupSeat& seat);
  void wait_for_workers();
  void explain_failure(const std::exception_ptr& own);
  bool end(const GroupSeat& seat, const std::exception_ptr& own);
  void on_message(int rank, const Message& message);
  void on_lost(int rank, const std::string& sentence);

  const Notice notice_;
  std::shared_ptr<KeyTable> places_ = std::make_shared<KeyTable>();
  std::mutex mutex_;
  std::condition_variable change_;
  int64_t next_group_ = 1;
  std::shared_ptr<GroupSeat> seat_;    ///< of the group that trains now
  std::set<int> at_work_;              ///< its workers that have not finished
  bool is_trained_ = false;            ///< on this rank
  std::string lost_;                   ///< the sentence about a rank that was lost
  std::optional<Error> worker_error_;  ///< the first
  Members members_;                    ///< last: its threads use the members above
};

}  // namespace glm_image::cluster
