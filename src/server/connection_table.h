#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>

namespace glm_image::server {

class HttpSession;

/// All connections. It chooses the one to drop when there are too many.
class ConnectionTable {
 public:
  void add(std::shared_ptr<HttpSession> session);
  /// Number of open connections.
  int64_t size() const { return open_; }
  void count_closed() { --open_; }
  /// Whether no connection and no handler is active.
  bool is_empty() const { return sessions_.empty(); }

  /// Calls HttpSession::tick of each session and removes those that are over.
  void tick();
  enum class Dropped {
    kOne,
    kNoneYet,  ///< no client has been silent or slow for so long
    kNone,     ///< all clients wait for the server itself
  };
  /// Drops a lingering connection, or else the one that has been silent or slow for longest, if
  /// that is at least `patience`.
  Dropped drop_one(std::chrono::steady_clock::duration patience);
  /// Closes lingering connections until at most `most` remain.
  void bound_the_lingering(int64_t most);
  /// Closes the slowest readers while clients have more than `most` bytes of responses unread.
  void bound_the_unsent(int64_t most);
  /// Closes the connections that wait for a request, or all.
  void close(bool all);

  /// Bytes of responses that clients have not read.
  int64_t unsent_bytes = 0;

 private:
  template <typename Accepts>
  HttpSession* find(const Accepts& accepts, int64_t* count = nullptr) const;

  // Closed sessions stay until the next tick, so that closing one never modifies the list.
  std::list<std::shared_ptr<HttpSession>> sessions_;
  int64_t open_ = 0;
};

}  // namespace glm_image::server
