#include "cluster/direct_messages.h"

#include <gloo/context.h>
#include <gloo/transport/unbound_buffer.h>

#include <cstring>

#include "core/error.h"

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

[[noreturn]] void fail_stopped() {
  fail(ErrorCode::kCancelled, "the group was stopped");
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
  explicit Sending(DirectMessages& messages) : messages_(messages) {}
  ~Sending() {
    const std::lock_guard lock(messages_.mutex_);
    messages_.outgoing_.clear();
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  void begin(uint64_t slot, const void* bytes, std::size_t size) {
    const auto& context = *messages_.context_;
    for (int rank = 0; rank < context.size; ++rank) {
      if (rank != context.rank) begin_one(slot, rank, const_cast<void*>(bytes), size);
    }
  }
  void wait() {
    // Without the mutex, which stop() needs: nothing else changes the list.
    for (const auto& one : messages_.outgoing_) {
      if (!one->waitSend()) fail_stopped();
    }
  }

 private:
  void begin_one(uint64_t slot, int rank, void* bytes, std::size_t size) {
    Buffer* buffer = nullptr;
    {
      const std::lock_guard lock(messages_.mutex_);
      messages_.outgoing_.push_back(messages_.make_buffer(bytes, size));
      buffer = messages_.outgoing_.back().get();
    }
    buffer->send(rank, slot);
  }

  DirectMessages& messages_;
};

DirectMessages::DirectMessages(std::shared_ptr<gloo::Context> context)
    : context_(std::move(context)) {}

DirectMessages::~DirectMessages() = default;

/// Call with the mutex locked.
std::unique_ptr<DirectMessages::Buffer> DirectMessages::make_buffer(void* bytes, std::size_t size) {
  if (is_stopped_) fail_stopped();
  return context_->createUnboundBuffer(bytes, size);
}

void DirectMessages::announce(const Channel& channel, std::size_t size) {
  Inbox* inbox = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& known = inboxes_[channel];
    if (!known) {
      auto fresh = std::make_unique<Inbox>();
      fresh->bytes.resize(buffer_size(size));
      fresh->buffer = make_buffer(fresh->bytes.data(), fresh->bytes.size());
      known = std::move(fresh);
    }
    inbox = known.get();
  }
  if (inbox->is_announced) return;
  inbox->buffer->recv(channel.second, channel.first);
  inbox->is_announced = true;
}

/// Waits for a message that was announced, and announces the next one.
void DirectMessages::take(const Channel& channel, std::size_t size, void* bytes) {
  Inbox* inbox = nullptr;
  {
    const std::lock_guard lock(mutex_);
    inbox = inboxes_.at(channel).get();
  }
  if (!inbox->buffer->waitRecv()) fail_stopped();
  inbox->is_announced = false;
  if (size > 0) std::memcpy(bytes, inbox->bytes.data(), size);
  if (size > kMostAhead) {
    const std::lock_guard lock(mutex_);
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
  Sending sending(*this);
  sending.begin(slot, own, size);
  for_others([&](const Channel& channel) {
    take(channel, size, of_ranks.at(static_cast<std::size_t>(channel.second)));
  });
  sending.wait();
}

void DirectMessages::send(const void* bytes, std::size_t size) {
  Sending sending(*this);
  sending.begin(slot_of(kFromOne, size), bytes, size);
  sending.wait();
}

void DirectMessages::receive(void* bytes, std::size_t size, int sender) {
  const Channel channel{slot_of(kFromOne, size), sender};
  announce(channel, size);
  take(channel, size, bytes);
}

void DirectMessages::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  for (const auto& one : outgoing_) one->abortWaitSend();
  for (const auto& [channel, inbox] : inboxes_) inbox->buffer->abortWaitRecv();
}

}  // namespace glm_image::cluster
