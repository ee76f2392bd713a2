#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cluster/handshake.h"
#include "cluster/key_table.h"
#include "cluster/link.h"
#include "cluster/rank_part.h"

namespace glm_image::cluster {

class RemotePlace;

/// Time limit for connecting to the coordinator's host.
inline constexpr std::chrono::seconds kJoinLimit{5};
/// Interval at which an idle worker calls `goes_on`.
inline constexpr std::chrono::milliseconds kIdleTick{100};

struct WorkerOptions {
  Address address;  ///< of the coordinator
  Secret secret;
};

/// A rank that draws what the coordinator asks it to.
class Worker {
 public:
  /// Connects, proves the key and compares the model. Throws kNotFound if no coordinator listens
  /// there, otherwise as join() does.
  Worker(const WorkerOptions& options, const ModelFingerprint& model);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const Welcome& welcome() const { return welcome_; }

  /// Draws until the coordinator says goodbye, or `goes_on` returns false. The pipeline must
  /// compute in the types of welcome(). `began` is called with each part, before it is drawn.
  /// Throws kInternal, with one sentence that names the rank that was lost, if the coordinator or
  /// another rank ended the work.
  void run(Pipeline& pipeline,
           const std::function<bool()>& goes_on,
           const std::function<void(const DrawPart&)>& began = {});

 private:
  void on_message(const Message& message);
  void on_lost(const std::string& why);
  void stop(RankPart& part, const std::string& reason);
  void draw(Pipeline& pipeline,
            const std::shared_ptr<RankPart>& part,
            const std::function<bool()>& goes_on);
  std::shared_ptr<RankPart> next_part(const std::function<bool()>& goes_on);

  const std::string coordinator_;  ///< its address, for messages
  std::unique_ptr<Link> link_;
  Welcome welcome_;
  std::shared_ptr<RemotePlace> place_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::deque<std::shared_ptr<RankPart>> waiting_;
  std::shared_ptr<RankPart> running_;
  /// Parts that are drawn, whose connections other ranks may still use.
  std::deque<std::shared_ptr<RankPart>> drawn_;
  bool is_over_ = false;
  std::string reason_;  ///< why it is over; empty for a normal end
};

}  // namespace glm_image::cluster
