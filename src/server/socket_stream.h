#pragma once

#include <array>
#include <boost/asio/ssl.hpp>
#include <functional>
#include <memory>

#include "server/boost.h"

namespace glm_image::server {

/// A client's socket, plain or with TLS. Operations call `done` on the thread of all connections.
/// At most one read and one write may be pending.
class SocketStream {
 public:
  using Done = std::function<void(beast::error_code, std::size_t)>;
  using Pieces = std::array<asio::const_buffer, 8>;

  virtual ~SocketStream() = default;
  /// Required before the first read.
  virtual void handshake(Done done) = 0;
  virtual void read_some(asio::mutable_buffer target, Done done) = 0;
  virtual void write_some(const Pieces& pieces, Done done) = 0;
  /// Closes the sending side. The client may still send.
  virtual void send_end(Done done) = 0;
  /// After send_end: reads bytes and discards them.
  virtual void drain_some(asio::mutable_buffer target, Done done) = 0;
  virtual tcp::socket& socket() = 0;
  virtual bool is_secure() const = 0;

  /// Ends pending operations with operation_aborted.
  void cancel();
  void close();
};

/// `tls` is null for a plain stream.
std::unique_ptr<SocketStream> make_stream(tcp::socket socket, asio::ssl::context* tls);

/// Loads a certificate chain and its key, both in PEM. Throws kInvalidInput.
std::unique_ptr<asio::ssl::context> make_tls_context(const std::string& certificate_file,
                                                     const std::string& key_file);

}  // namespace glm_image::server
