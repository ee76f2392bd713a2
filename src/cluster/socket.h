#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cluster/address.h"
#include "core/file_descriptor.h"

namespace glm_image::cluster {

/// A TCP connection. One thread may send while another receives; any thread may call shut_down.
class Socket {
 public:
  /// Connects to the first address of the host that accepts. Throws kNotFound naming the address.
  static Socket connect(const Address& address, std::chrono::milliseconds limit);

  explicit Socket(int number);
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&&) noexcept = default;

  /// Sends all bytes. Throws kInternal if the connection is closed, or if the other side takes
  /// nothing for `limit`.
  void send(const void* bytes, std::size_t size, std::chrono::milliseconds limit) const;
  /// Fills the buffer. Throws kInternal if the connection closes first, or if nothing comes for
  /// `limit`. `on_bytes` is called whenever something comes.
  void receive(void* bytes,
               std::size_t size,
               std::chrono::milliseconds limit,
               const std::function<void()>& on_bytes = {}) const;
  /// Makes other threads that send or receive throw.
  void shut_down() const;

  /// The number of the other side's host, "192.168.1.12".
  std::string peer_host() const;
  /// The number of this side's host.
  std::string own_host() const;

 private:
  std::unique_ptr<FileDescriptor> descriptor_;
};

/// Listens on one address and no other.
class Listener {
 public:
  /// Throws kInvalidInput if the address is not this machine's or is taken.
  explicit Listener(const Address& address);

  /// The number of the host on which it listens.
  std::string host() const;
  /// The next connection; empty after `limit` without one, and after close().
  std::optional<Socket> accept(std::chrono::milliseconds limit) const;

 private:
  std::unique_ptr<FileDescriptor> descriptor_;
};

}  // namespace glm_image::cluster
