#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "cluster/message.h"

namespace glm_image::cluster {

/// How often a rank sends a heartbeat.
inline constexpr std::chrono::seconds kHeartbeatPeriod{1};
/// A rank from which nothing comes for this long is lost.
inline constexpr std::chrono::seconds kSilenceLimit = 8 * kHeartbeatPeriod;
/// From the last heartbeat of a rank to the notice that it is lost, at most: the silence, and what
/// threads of a busy machine are late.
inline constexpr std::chrono::seconds kNoticeLimit = kSilenceLimit + 2 * kHeartbeatPeriod;

/// The connection of two ranks after the handshake. Sends messages from any thread, passes received
/// ones to a callback, and detects that the other side died or hangs.
class Link {
 public:
  /// Called on the link's own thread for each message other than heartbeats. An exception ends the
  /// link.
  using OnMessage = std::function<void(Message)>;
  /// Called once, on the link's own thread, unless close() came first. `why` completes the sentence
  /// "rank 2 was lost: …". After std::bad_alloc it is called again until it returns or close()
  /// comes: a request whose rank is lost would wait for ever. Other exceptions are dropped.
  using OnLost = std::function<void(const std::string& why)>;

  explicit Link(Socket socket);
  /// Closes the link and waits for its threads. They must not call it.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start(OnMessage on_message, OnLost on_lost);
  /// Does nothing on a link that is lost or closed.
  void send(const Message& message);
  /// Whether it is lost or closed.
  bool is_over() const { return is_over_; }
  /// Closes the link in both directions.
  void close();

  /// The number of the other side's host.
  const std::string& peer_host() const { return peer_host_; }
  /// The number of this side's host on this connection.
  const std::string& own_host() const { return own_host_; }

 private:
  void receive_all(const OnMessage& on_message, const OnLost& on_lost) noexcept;
  void tell_loss(const OnLost& on_lost, const std::exception_ptr& failure) noexcept;
  void give_signs_of_life(const Message& alive) noexcept;

  const Socket socket_;
  const std::string peer_host_, own_host_;
  std::mutex sending_;
  std::atomic<bool> is_over_{false};
  std::mutex mutex_;
  std::condition_variable end_;
  bool is_closed_ = false;           ///< by close(); guarded by mutex_
  std::exception_ptr send_failure_;  ///< the first; guarded by mutex_
  std::thread receiver_, heart_;
};

}  // namespace glm_image::cluster
