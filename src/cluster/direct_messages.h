#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace gloo {
class Context;
namespace transport {
class UnboundBuffer;
}  // namespace transport
}  // namespace gloo

namespace glm_image::cluster {

/// Small messages between the ranks of a Gloo context, each sent from rank to rank without a
/// detour.
///
/// A Gloo message leaves when the receiver has announced a buffer for it, so that an operation of
/// Gloo waits twice for the network, and a ring of n ranks n - 1 times as long. Here a receiver
/// announces the buffer for the next message of about the same size as soon as it has the last one:
/// while the ranks compute. A message then waits once.
///
/// One thread at a time. A call throws if a rank is lost, and when the context's device is broken.
class DirectMessages {
 public:
  explicit DirectMessages(std::shared_ptr<gloo::Context> context);
  ~DirectMessages();
  DirectMessages(const DirectMessages&) = delete;
  DirectMessages& operator=(const DirectMessages&) = delete;

  /// Sends `size` bytes to each other rank and receives as many from each. `of_ranks` has an
  /// address for each rank; this rank's own is not used.
  void exchange(const void* own, std::size_t size, const std::vector<void*>& of_ranks);
  /// Sends the bytes to each other rank, all of which call receive().
  void send(const void* bytes, std::size_t size);
  void receive(void* bytes, std::size_t size, int sender);

 private:
  using Buffer = gloo::transport::UnboundBuffer;
  struct Inbox;
  class Sending;
  /// Messages of one purpose and size of buffer from one rank.
  using Channel = std::pair<uint64_t, int>;

  void announce(const Channel& channel, std::size_t size);
  void take(const Channel& channel, std::size_t size, void* bytes);

  const std::shared_ptr<gloo::Context> context_;
  std::map<Channel, std::unique_ptr<Inbox>> inboxes_;
};

}  // namespace glm_image::cluster
