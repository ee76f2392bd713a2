#include "cluster/link.h"

#include <new>
#include <utility>

#include "cluster/failure_reason.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

constexpr const char* kAlive = "alive";
/// Until on_lost is called again without memory for it.
constexpr std::chrono::milliseconds kLossPause{100};

std::string loss_reason(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::bad_alloc&) {
    return "this machine has no memory for its messages";
  } catch (...) {
    return failure_reason(failure, "its message led to an unknown error");
  }
}

}  // namespace

Link::Link(Socket socket)
    : socket_(std::move(socket)), peer_host_(socket_.peer_host()), own_host_(socket_.own_host()) {}

Link::~Link() {
  close();
  if (receiver_.joinable()) receiver_.join();
  if (heart_.joinable()) heart_.join();
}

void Link::start(OnMessage on_message, OnLost on_lost) {
  // Start the receiver last: if its thread cannot start, no callback has been called yet.
  heart_ = std::thread([this, alive = Message(kAlive)] { give_signs_of_life(alive); });
  receiver_ = std::thread([this, on_message = std::move(on_message), on_lost = std::move(on_lost)] {
    receive_all(on_message, on_lost);
  });
}

void Link::send(const Message& message) {
  const std::lock_guard lock(sending_);
  if (is_over_) return;
  try {
    send_message(socket_, message, kSilenceLimit);
  } catch (...) {
    {
      const std::lock_guard guard(mutex_);
      if (!send_failure_) send_failure_ = std::current_exception();
    }
    // The receiver reports the loss.
    socket_.shut_down();
  }
}

void Link::close() {
  is_over_ = true;
  socket_.shut_down();
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  end_.notify_all();
}

void Link::receive_all(const OnMessage& on_message, const OnLost& on_lost) noexcept {
  std::exception_ptr failure;
  while (!is_over_ && !failure) {
    try {
      auto message = receive_message(socket_, kSilenceLimit, MessageLimits());
      if (message.type() != kAlive) on_message(std::move(message));
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (is_over_.exchange(true)) return;
  {
    const std::lock_guard lock(mutex_);
    if (send_failure_) failure = send_failure_;
    end_.notify_all();
  }
  socket_.shut_down();
  tell_loss(on_lost, failure);
}

void Link::tell_loss(const OnLost& on_lost, const std::exception_ptr& failure) noexcept {
  while (true) {
    try {
      return on_lost(loss_reason(failure));
    } catch (const std::bad_alloc&) {
      std::unique_lock lock(mutex_);
      if (end_.wait_for(lock, kLossPause, [this] { return is_closed_; })) return;
    } catch (...) {
      // Nobody is left to report it to.
      return;
    }
  }
}

void Link::give_signs_of_life(const Message& alive) noexcept {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    lock.unlock();
    send(alive);
    lock.lock();
    end_.wait_for(lock, kHeartbeatPeriod, [this] { return is_over_.load(); });
  }
}

}  // namespace glm_image::cluster
