#include "cluster/breakable_device.h"

#include <gloo/transport/context.h>
#include <gloo/transport/pair.h>
#include <gloo/transport/unbound_buffer.h>

#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

using Milliseconds = std::chrono::milliseconds;
using GlooBuffer = gloo::transport::UnboundBuffer;

[[noreturn]] void fail_broken() {
  fail(ErrorCode::kCancelled, "the group was stopped");
}

}  // namespace

/// What a device's contexts and buffers share.
class BreakableDevice::Waits {
 public:
  explicit Waits(Milliseconds limit) : limit_(limit) {}

  Milliseconds limit() const { return limit_; }
  void add(GlooBuffer& buffer) {
    const std::lock_guard lock(mutex_);
    if (is_broken_) fail_broken();
    buffers_.insert(&buffer);
  }
  void remove(GlooBuffer& buffer) {
    const std::lock_guard lock(mutex_);
    buffers_.erase(&buffer);
  }
  void add(const std::shared_ptr<Context>& context) {
    const std::lock_guard lock(mutex_);
    if (is_broken_) fail_broken();
    contexts_.push_back(context);
  }
  void check_not_broken() {
    const std::lock_guard lock(mutex_);
    if (is_broken_) fail_broken();
  }
  void break_up();

 private:
  const Milliseconds limit_;
  std::mutex mutex_;
  bool is_broken_ = false;  ///< guarded by mutex_, as are the two below
  std::set<GlooBuffer*> buffers_;
  std::vector<std::weak_ptr<Context>> contexts_;
};

/// A buffer of `device_`. Once the device is broken, its waits throw.
class BreakableDevice::Buffer : public GlooBuffer {
 public:
  Buffer(std::shared_ptr<Waits> waits, std::unique_ptr<GlooBuffer> buffer)
      : GlooBuffer(buffer->ptr, buffer->size),
        waits_(std::move(waits)),
        buffer_(std::move(buffer)) {
    waits_->add(*buffer_);
  }
  ~Buffer() override { waits_->remove(*buffer_); }

  bool waitRecv(int* rank, Milliseconds limit) override {
    return wait([&] { return buffer_->waitRecv(rank, limit_of(limit)); });
  }
  bool waitSend(int* rank, Milliseconds limit) override {
    return wait([&] { return buffer_->waitSend(rank, limit_of(limit)); });
  }
  void abortWaitRecv() override { buffer_->abortWaitRecv(); }
  void abortWaitSend() override { buffer_->abortWaitSend(); }
  void send(int rank, uint64_t slot, size_t offset, size_t bytes) override {
    buffer_->send(rank, slot, offset, bytes);
  }
  void recv(int rank, uint64_t slot, size_t offset, size_t bytes) override {
    buffer_->recv(rank, slot, offset, bytes);
  }
  void recv(std::vector<int> ranks, uint64_t slot, size_t offset, size_t bytes) override {
    buffer_->recv(std::move(ranks), slot, offset, bytes);
  }

 private:
  /// A wait may end by its abort, or by the closing of its connection, which throws.
  template <typename Wait>
  bool wait(const Wait& of_buffer) {
    // An abort also ends a wait that begins later, but only one.
    waits_->check_not_broken();
    bool is_done = false;
    try {
      is_done = of_buffer();
    } catch (const std::exception&) {
      waits_->check_not_broken();
      throw;
    }
    if (!is_done) waits_->check_not_broken();
    return is_done;
  }

  Milliseconds limit_of(Milliseconds limit) const {
    return limit == gloo::transport::kUnsetTimeout ? waits_->limit() : limit;
  }

  const std::shared_ptr<Waits> waits_;
  const std::unique_ptr<GlooBuffer> buffer_;
};

class BreakableDevice::Context : public gloo::transport::Context {
 public:
  Context(std::shared_ptr<Waits> waits, std::shared_ptr<gloo::transport::Context> context)
      : gloo::transport::Context(context->rank, context->size),
        waits_(std::move(waits)),
        context_(std::move(context)) {}

  std::unique_ptr<gloo::transport::Pair>& getPair(int other) override {
    return context_->getPair(other);
  }
  std::unique_ptr<gloo::transport::Pair>& createPair(int other) override {
    const std::lock_guard lock(pairs_mutex_);
    if (is_closed_) fail_broken();
    context_->setTimeout(getTimeout());
    return context_->createPair(other);
  }
  std::unique_ptr<GlooBuffer> createUnboundBuffer(void* bytes, size_t count) override {
    return std::make_unique<Buffer>(waits_, context_->createUnboundBuffer(bytes, count));
  }

  /// Closes all pairs. Gloo does so when any operation runs out of time, so start one without an
  /// answer.
  void close() {
    const std::lock_guard lock(pairs_mutex_);
    if (std::exchange(is_closed_, true)) return;
    char byte = 0;
    const auto buffer = context_->createUnboundBuffer(&byte, 1);
    try {
      buffer->waitRecv(nullptr, Milliseconds(1));
    } catch (const std::exception&) {
      // The operation was meant to fail.
    }
  }

 private:
  const std::shared_ptr<Waits> waits_;
  const std::shared_ptr<gloo::transport::Context> context_;
  std::mutex pairs_mutex_;
  bool is_closed_ = false;  ///< guarded by pairs_mutex_
};

void BreakableDevice::Waits::break_up() {
  std::vector<std::shared_ptr<Context>> contexts;  // may end after the lock
  {
    const std::lock_guard lock(mutex_);
    is_broken_ = true;
    for (auto* buffer : buffers_) {
      buffer->abortWaitRecv();
      buffer->abortWaitSend();
    }
    for (const auto& context : contexts_) contexts.push_back(context.lock());
  }
  for (const auto& context : contexts) {
    if (context) context->close();
  }
}

BreakableDevice::BreakableDevice(std::shared_ptr<gloo::transport::Device> device,
                                 Milliseconds limit)
    : device_(std::move(device)), waits_(std::make_shared<Waits>(limit)) {}

BreakableDevice::~BreakableDevice() = default;

std::shared_ptr<gloo::transport::Context> BreakableDevice::createContext(int rank, int size) {
  auto context = std::make_shared<Context>(waits_, device_->createContext(rank, size));
  waits_->add(context);
  return context;
}

void BreakableDevice::break_up() {
  waits_->break_up();
}

}  // namespace glm_image::cluster
