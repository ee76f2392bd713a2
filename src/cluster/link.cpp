#include "cluster/link.h"

#include <exception>
#include <utility>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

constexpr const char* kAlive = "alive";
constexpr std::chrono::seconds kBetweenSigns{1};

}  // namespace

Link::Link(Socket socket)
    : socket_(std::move(socket)), peer_host_(socket_.peer_host()), own_host_(socket_.own_host()) {}

Link::~Link() {
  close();
  if (receiver_.joinable()) receiver_.join();
  if (heart_.joinable()) heart_.join();
}

void Link::start(OnMessage on_message, OnLost on_lost) {
  receiver_ = std::thread([this, on_message = std::move(on_message), on_lost = std::move(on_lost)] {
    receive_all(on_message, on_lost);
  });
  heart_ = std::thread([this] { give_signs_of_life(); });
}

void Link::send(const Message& message) {
  const std::lock_guard lock(sending_);
  if (is_over_) return;
  try {
    send_message(socket_, message, kSilenceLimit);
  } catch (const std::exception& error) {
    {
      const std::lock_guard guard(mutex_);
      if (send_failure_.empty()) send_failure_ = error.what();
    }
    // The receiver reports the loss.
    socket_.shut_down();
  }
}

void Link::close() {
  is_over_ = true;
  socket_.shut_down();
  const std::lock_guard lock(mutex_);
  end_.notify_all();
}

void Link::receive_all(const OnMessage& on_message, const OnLost& on_lost) {
  std::string why;
  while (!is_over_) {
    try {
      auto message = receive_message(socket_, kSilenceLimit, MessageLimits());
      if (message.type() != kAlive) on_message(std::move(message));
    } catch (const std::exception& error) {
      why = error.what();
      break;
    }
  }
  if (is_over_.exchange(true)) return;
  {
    const std::lock_guard lock(mutex_);
    if (!send_failure_.empty()) why = send_failure_;
    end_.notify_all();
  }
  socket_.shut_down();
  on_lost(why);
}

void Link::give_signs_of_life() {
  const Message alive(kAlive);
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    lock.unlock();
    send(alive);
    lock.lock();
    end_.wait_for(lock, kBetweenSigns, [this] { return is_over_.load(); });
  }
}

}  // namespace glm_image::cluster
