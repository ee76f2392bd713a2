#include "server/http_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace glm_image::server {
namespace {

using Clock = HttpStream::Clock;

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

template <typename Name>
void address(const Name& get_name, int socket, std::string& ip, int& port) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (get_name(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return;
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    port = ntohs(v4->sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    port = ntohs(v6->sin6_port);
  }
  ip = text;
}

}  // namespace

HttpStream::HttpStream(int socket, const HttpLimits& limits) : socket_(socket), limits_(limits) {
  // A client that vanished without a word is noticed within a minute.
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
}

bool HttpStream::wait(short events, Clock::time_point deadline) const {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd poll{socket_, events, 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::max<int64_t>(0, left)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool HttpStream::wait_for_request() {
  in_body_ = false;
  bytes_read_ = 0;
  const bool ready = taken_ < buffered_ || wait(POLLIN, Clock::now() + limits_.idle_time);
  began_ = Clock::now();
  return ready;
}

void HttpStream::begin_body(int64_t max_bytes) {
  in_body_ = true;
  max_body_bytes_ = max_bytes;
  bytes_read_ = 0;
  began_ = Clock::now();
}

Clock::time_point HttpStream::read_deadline() const {
  if (!in_body_) return began_ + limits_.header_time;
  return began_ + limits_.body_time +
         std::chrono::seconds(bytes_read_ / limits_.slowest_bytes_per_second);
}

bool HttpStream::peer_is_gone() const {
  pollfd poll{socket_, POLLIN | POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void HttpStream::linger() {
  constexpr std::chrono::seconds kPatience{2};
  constexpr int64_t kMaxBytes = int64_t{64} << 20;
  ::shutdown(socket_, SHUT_WR);
  const auto deadline = Clock::now() + kPatience;
  for (int64_t bytes = 0; bytes < kMaxBytes && wait(POLLIN, deadline);) {
    const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    bytes += count;
  }
}

bool HttpStream::is_readable() const {
  return taken_ < buffered_ || wait(POLLIN, read_deadline());
}

bool HttpStream::is_writable() const {
  return !peer_is_gone() && wait(POLLOUT, Clock::now() + limits_.write_time);
}

ssize_t HttpStream::read(char* ptr, size_t size) {
  if (bytes_read_ >= (in_body_ ? max_body_bytes_ : limits_.max_header_bytes)) return -1;
  if (taken_ == buffered_) {
    if (!wait(POLLIN, read_deadline())) return -1;
    const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) return count;
    buffered_ = static_cast<size_t>(count);
    taken_ = 0;
  }
  // A body that trickles passes wait(): each byte of it comes in time.
  if (Clock::now() > read_deadline()) return -1;
  const size_t count = std::min(size, buffered_ - taken_);
  std::memcpy(ptr, buffer_.data() + taken_, count);
  taken_ += count;
  bytes_read_ += static_cast<int64_t>(count);
  return static_cast<ssize_t>(count);
}

ssize_t HttpStream::write(const char* ptr, size_t size) {
  const auto deadline =
      Clock::now() + limits_.write_time +
      std::chrono::seconds(static_cast<int64_t>(size) / limits_.slowest_bytes_per_second);
  size_t written = 0;
  while (written < size) {
    if (!wait(POLLOUT, deadline) || Clock::now() > deadline) return -1;
    const ssize_t count =
        ::send(socket_, ptr + written, size - written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
    if (count > 0) written += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

void HttpStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  address(::getpeername, socket_, ip, port);
}

void HttpStream::get_local_ip_and_port(std::string& ip, int& port) const {
  address(::getsockname, socket_, ip, port);
}

}  // namespace glm_image::server
