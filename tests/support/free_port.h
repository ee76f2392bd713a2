#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>

namespace glm_image::test {

/// Whether nothing uses the port on 127.0.0.1.
inline bool is_free_port(uint16_t port) {
  const int number = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) throw std::runtime_error("no socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool is_free =
      ::bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(number);
  return is_free;
}

/// A port of 127.0.0.1 for a rank that listens later, while others try to connect to it already.
///
/// It is below those that Linux gives to connections (32768 and more). One of those could be taken
/// meanwhile, or a connection to it could get it as its own port and so connect to itself. Test
/// programs that run at the same time begin at different ports.
inline uint16_t free_port() {
  constexpr int kFirst = 10000, kCount = 22000, kOfAProgram = 64;
  static std::atomic<int> next{static_cast<int>(int64_t{::getpid()} * kOfAProgram % kCount)};
  for (int tries = 0; tries < kCount; ++tries) {
    const auto port = static_cast<uint16_t>(kFirst + next++ % kCount);
    if (is_free_port(port)) return port;
  }
  throw std::runtime_error("no port is free");
}

}  // namespace glm_image::test
