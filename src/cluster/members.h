#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cluster/handshake.h"
#include "cluster/link.h"

namespace glm_image::cluster {

/// The number of the coordinator.
inline constexpr int kCoordinatorRank = 0;

struct MemberOptions {
  Address address;
  int world = 2;  ///< ranks with the coordinator
  Secret secret;
  ModelFingerprint model;
  std::string dtype, vae_dtype;  ///< of the coordinator's pipeline
  Work work = Work::kDrawing;
  // For training only:
  nlohmann::json task = {};  ///< its settings, for the workers
  /// Fingerprint of the files that it reads. A worker is ready once it has sent an equal one.
  ModelFingerprint files = {};
};

/// The coordinator's table of workers. It listens on one address, admits workers that prove the key
/// and have the same model, and detects lost ones. A lost rank's number becomes free.
class Members {
 public:
  struct Events {
    /// Called on the rank's own thread.
    std::function<void(int rank, Message)> message;
    /// Called once, on the rank's own thread. The sentence names the rank and the reason.
    std::function<void(int rank, const std::string& sentence)> lost;
    /// Called from any thread with one sentence about a rank that joined or was refused.
    std::function<void(const std::string& sentence)> notice;
  };

  /// Throws as Listener does.
  Members(MemberOptions options, Events events);
  /// Ends all workers normally.
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  /// The numbers of the workers that are ready to draw, in ascending order.
  std::vector<int> ready() const;
  /// Waits until all ranks are ready, and reports periodically how many are missing. Returns false
  /// if `goes_on` returns false first.
  bool wait_for_all(const std::function<bool()>& goes_on);
  /// Returns false if the rank is lost.
  bool send(int rank, const Message& message);
  int world() const { return options_.world; }
  std::string address() const { return options_.address.text(); }
  /// The number of this machine's host on the connections to the workers. Not its name, which may
  /// resolve to other addresses later.
  const std::string& host() const { return host_; }
  /// Refuses new workers from now on, and ends the workers with this reason; empty for a normal
  /// end.
  void dismiss(const std::string& reason);

 private:
  struct Member {
    std::string host;
    std::unique_ptr<Link> link;
    bool is_ready = false;
    bool is_refused = false;
    bool is_lost = false;
  };
  struct Newcomer {
    std::thread thread;
    std::atomic<bool> is_over{false};
  };

  void wait_for_change(std::chrono::milliseconds limit);
  void accept_all();
  void accept_one();
  void admit_newcomer(Socket socket);
  int take_rank(const std::string& host);
  void start(int rank, Socket socket);
  void on_message(int rank, Message message);
  void on_ready(int rank, const Message& message);
  void on_lost(int rank, const std::string& why);
  void sweep();
  std::string name_of(int rank, const std::string& host) const;

  const MemberOptions options_;
  const Events events_;
  const Listener listener_;
  const std::string host_ = listener_.host();
  mutable std::mutex mutex_;
  std::condition_variable change_;
  std::map<int, std::shared_ptr<Member>> members_;
  std::list<Newcomer> newcomers_;  ///< of the accepting thread
  std::atomic<bool> is_over_{false};
  std::thread acceptor_;
};

}  // namespace glm_image::cluster
