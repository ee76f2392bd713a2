#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cluster/group_seat.h"
#include "cluster/handshake.h"
#include "cluster/link.h"
#include "cluster/worker.h"
#include "core/error.h"
#include "train/ranks/ranks.h"

namespace glm_image::cluster {

/// A rank that trains with a coordinator.
class TrainingWorker {
 public:
  /// As TrainingCoordinator::Train.
  using Train = std::function<void(train::Ranks& ranks)>;

  /// Connects and proves the key. Throws kNotFound if no coordinator listens there, otherwise as
  /// join() does.
  explicit TrainingWorker(const WorkerOptions& options);
  ~TrainingWorker();
  TrainingWorker(const TrainingWorker&) = delete;
  TrainingWorker& operator=(const TrainingWorker&) = delete;

  /// Its `task` has the coordinator's settings.
  const Welcome& welcome() const { return welcome_; }

  /// Sends the fingerprint of this machine's files to the coordinator, and calls `train` whenever a
  /// group of ranks is formed, until the coordinator says goodbye or `goes_on` returns false.
  /// Throws kInvalidInput if the files differ, and kInternal if the coordinator or another rank
  /// ended the training.
  void run(const ModelFingerprint& files, const Train& train, const std::function<bool()>& goes_on);

 private:
  std::shared_ptr<GroupSeat> next_seat(const std::function<bool()>& goes_on);
  void train_in(GroupSeat& seat, const Train& train, const std::function<bool()>& goes_on);
  void on_message(const Message& message);
  void on_goodbye(const Message& message);
  void on_lost(const std::string& why);
  void end(const std::string& reason, ErrorCode code);

  const std::string coordinator_;  ///< its address, for messages
  std::unique_ptr<Link> link_;
  Welcome welcome_;
  std::shared_ptr<RemotePlace> place_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::shared_ptr<GroupSeat> waiting_, running_;
  /// Seats whose connections other ranks may still use.
  std::deque<std::shared_ptr<GroupSeat>> left_;
  bool is_over_ = false;
  std::string reason_;  ///< why it is over; empty for a normal end
  ErrorCode code_ = ErrorCode::kInternal;
};

}  // namespace glm_image::cluster
