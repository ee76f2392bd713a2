#include "cluster/direct_messages.h"

#include <gloo/context.h>
#include <gloo/transport/unbound_buffer.h>

#include <cstring>

namespace glm_image::cluster {
namespace {

/// Gloo's own operations have other first bytes.
constexpr uint64_t kExchange = uint64_t{0x71} << 56, kFromOne = uint64_t{0x72} << 56;

/// Buffers of larger messages are not announced ahead: each would stay in memory, and sending takes
/// longer than the announcement.
constexpr std::size_t kMostAhead = std::size_t{1} << 18;

/// The size of the buffer for a message. Sizes up to kMostAhead share the buffers of powers of two,
/// which together have less than 2 * kMostAhead bytes for each rank and purpose, however many sizes
/// there are. Gloo takes a message that is smaller than the buffer.
std::size_t buffer_size(std::size_t message) {
  if (message > kMostAhead) return message;
  std::size_t size = 1;
  while (size < message) size *= 2;
  return size;
}

/// Both sides know the size of a message, so that its buffer's size can name the channel.
uint64_t slot_of(uint64_t purpose, std::size_t size) {
  return purpose | static_cast<uint64_t>(buffer_size(size));
}

}  // namespace

struct DirectMessages::Inbox {
  std::vector<char> bytes;  // ends after the buffer, through which Gloo may be writing
  std::unique_ptr<Buffer> buffer;
  bool is_announced = false;
};

/// Bytes on their way to all other ranks, which must stay until the end of this.
class DirectMessages::Sending {
 public:
  Sending(gloo::Context& context, uint64_t slot, const void* bytes, std::size_t size) {
    for (int rank = 0; rank < context.size; ++rank) {
      if (rank == context.rank) continue;
      buffers_.push_back(context.createUnboundBuffer(const_cast<void*>(bytes), size));
      buffers_.back()->send(rank, slot);
    }
  }
  void wait() {
    for (const auto& one : buffers_) one->waitSend();
  }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

DirectMessages::DirectMessages(std::shared_ptr<gloo::Context> context)
    : context_(std::move(context)) {}

DirectMessages::~DirectMessages() = default;

void DirectMessages::announce(const Channel& channel, std::size_t size) {
  auto& inbox = inboxes_[channel];
  if (!inbox) {
    auto fresh = std::make_unique<Inbox>();
    fresh->bytes.resize(buffer_size(size));
    fresh->buffer = context_->createUnboundBuffer(fresh->bytes.data(), fresh->bytes.size());
    inbox = std::move(fresh);
  }
  if (inbox->is_announced) return;
  inbox->buffer->recv(channel.second, channel.first);
  inbox->is_announced = true;
}

/// Waits for a message that was announced, and announces the next one.
void DirectMessages::take(const Channel& channel, std::size_t size, void* bytes) {
  auto& inbox = *inboxes_.at(channel);
  inbox.buffer->waitRecv();
  inbox.is_announced = false;
  if (size > 0) std::memcpy(bytes, inbox.bytes.data(), size);
  if (size > kMostAhead) {
    inboxes_.erase(channel);
    return;
  }
  try {
    announce(channel, size);
  } catch (const std::exception&) {
    // The message is here. If there will be another one, its call announces again, and throws.
  }
}

void DirectMessages::exchange(const void* own,
                              std::size_t size,
                              const std::vector<void*>& of_ranks) {
  const auto slot = slot_of(kExchange, size);
  const auto for_others = [&](const auto& action) {
    for (int rank = 0; rank < context_->size; ++rank) {
      if (rank != context_->rank) action(Channel{slot, rank});
    }
  };
  for_others([&](const Channel& channel) { announce(channel, size); });
  Sending sending(*context_, slot, own, size);
  for_others([&](const Channel& channel) {
    take(channel, size, of_ranks.at(static_cast<std::size_t>(channel.second)));
  });
  sending.wait();
}

void DirectMessages::send(const void* bytes, std::size_t size) {
  Sending sending(*context_, slot_of(kFromOne, size), bytes, size);
  sending.wait();
}

void DirectMessages::receive(void* bytes, std::size_t size, int sender) {
  const Channel channel{slot_of(kFromOne, size), sender};
  announce(channel, size);
  take(channel, size, bytes);
}

}  // namespace glm_image::cluster
