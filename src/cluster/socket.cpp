#include "cluster/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/network_host.h"

namespace glm_image::cluster {
namespace {

/// Senders and receivers report a connection that the other end closed in the same way.
[[noreturn]] void fail_for(int error) {
  if (error == EPIPE || error == ECONNRESET) fail(ErrorCode::kInternal, "its connection closed");
  fail(ErrorCode::kInternal, "its connection broke (", std::strerror(error), ")");
}

using Milliseconds = std::chrono::milliseconds;

AddressList addresses_of(const Address& address, ErrorCode code) {
  std::string error;
  auto list = resolve_host(address.host, std::to_string(address.port), /*flags=*/0, &error);
  if (!list) fail(code, address.text(), ": the host has no address: ", error);
  return list;
}

/// Waits until the descriptor is ready for `events`; false after `limit`.
bool ready(int descriptor, short events, Milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left =
        std::chrono::duration_cast<Milliseconds>(end - std::chrono::steady_clock::now());
    pollfd wait{descriptor, events, 0};
    const int found = ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (found > 0) return true;
    if (found == 0) return false;
    if (errno != EINTR) fail(ErrorCode::kInternal, "poll: ", std::strerror(errno));
  }
}

void set_option(int descriptor, int level, int name) {
  const int on = 1;
  ::setsockopt(descriptor, level, name, &on, sizeof on);
}

std::string host_of(const sockaddr_storage& address, socklen_t size) {
  char host[NI_MAXHOST] = {};
  const auto* given = reinterpret_cast<const sockaddr*>(&address);
  const int error = ::getnameinfo(given, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? host : "unknown";
}

std::string own_host_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return host_of(address, size);
}

/// 0, or the error of the attempt.
int try_to_connect(int descriptor, const addrinfo& address, Milliseconds limit) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!ready(descriptor, POLLOUT, limit)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

Socket::Socket(int number) : descriptor_(std::make_unique<FileDescriptor>(number)) {
  ::fcntl(number, F_SETFL, O_NONBLOCK);
  // Disables Nagle's algorithm: small messages, such as heartbeats, must not be delayed.
  set_option(number, IPPROTO_TCP, TCP_NODELAY);
}

Socket Socket::connect(const Address& address, Milliseconds limit) {
  const auto list = addresses_of(address, ErrorCode::kNotFound);
  int error = 0;
  for (const auto* one = list.get(); one != nullptr; one = one->ai_next) {
    const int number = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (number < 0) continue;
    Socket socket(number);
    error = try_to_connect(number, *one, limit);
    if (error == 0) return socket;
  }
  fail(ErrorCode::kNotFound, address.text(), ": no connection: ", std::strerror(error));
}

void Socket::send(const void* bytes, std::size_t size, Milliseconds limit) const {
  const auto* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const auto sent = ::send(descriptor_->number(), next, size, MSG_NOSIGNAL);
    if (sent > 0) {
      next += sent;
      size -= static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!ready(descriptor_->number(), POLLOUT, limit)) {
        fail(ErrorCode::kInternal, "it took nothing for ", limit.count() / 1000, " s");
      }
    } else if (errno != EINTR) {
      fail_for(errno);
    }
  }
}

void Socket::receive(void* bytes,
                     std::size_t size,
                     Milliseconds limit,
                     const std::function<void()>& on_bytes) const {
  auto* next = static_cast<char*>(bytes);
  while (size > 0) {
    const auto got = ::recv(descriptor_->number(), next, size, 0);
    if (got > 0) {
      next += got;
      size -= static_cast<std::size_t>(got);
      if (on_bytes) on_bytes();
    } else if (got == 0) {
      fail(ErrorCode::kInternal, "its connection closed");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!ready(descriptor_->number(), POLLIN, limit)) {
        fail(ErrorCode::kInternal, "it sent nothing for ", limit.count() / 1000, " s");
      }
    } else if (errno != EINTR) {
      fail_for(errno);
    }
  }
}

void Socket::shut_down() const {
  ::shutdown(descriptor_->number(), SHUT_RDWR);
}

std::string Socket::peer_host() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getpeername(descriptor_->number(), reinterpret_cast<sockaddr*>(&address), &size);
  return host_of(address, size);
}

std::string Socket::own_host() const {
  return own_host_of(descriptor_->number());
}

Listener::Listener(const Address& address) {
  const auto list = addresses_of(address, ErrorCode::kInvalidInput);
  const auto& first = *list;
  // parse_address has refused such a number, but a name may stand for it.
  if (is_any(*first.ai_addr)) {
    fail(ErrorCode::kInvalidInput,
         "--cluster ",
         address.text(),
         ": the host stands for all addresses of this machine; name one that the others can reach");
  }
  const int number = ::socket(first.ai_family, first.ai_socktype | SOCK_CLOEXEC, first.ai_protocol);
  if (number < 0) fail(ErrorCode::kInternal, "no socket: ", std::strerror(errno));
  descriptor_ = std::make_unique<FileDescriptor>(number);
  set_option(number, SOL_SOCKET, SO_REUSEADDR);
  ::fcntl(number, F_SETFL, O_NONBLOCK);
  constexpr int kBacklog = 64;
  if (::bind(number, first.ai_addr, first.ai_addrlen) != 0 || ::listen(number, kBacklog) != 0) {
    fail(ErrorCode::kInvalidInput,
         "--cluster ",
         address.text(),
         ": cannot listen there: ",
         std::strerror(errno),
         errno == EADDRNOTAVAIL ? "; name an address of this machine" : "");
  }
}

std::string Listener::host() const {
  return own_host_of(descriptor_->number());
}

std::optional<Socket> Listener::accept(Milliseconds limit) const {
  if (!ready(descriptor_->number(), POLLIN, limit)) return std::nullopt;
  const int number = ::accept4(descriptor_->number(), nullptr, nullptr, SOCK_CLOEXEC);
  if (number < 0) return std::nullopt;
  return Socket(number);
}

}  // namespace glm_image::cluster
