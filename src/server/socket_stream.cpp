#include "server/socket_stream.h"

#include "core/error.h"

namespace glm_image::server {
namespace {

/// `Stream` is a socket, or TLS over one.
template <typename Stream>
class StreamOver : public SocketStream {
 public:
  template <typename... Arguments>
  explicit StreamOver(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {}

  void read_some(asio::mutable_buffer target, Done done) override {
    stream_.async_read_some(target, std::move(done));
  }
  void write_some(const Pieces& pieces, Done done) override {
    stream_.async_write_some(pieces, std::move(done));
  }
  // Discarded data needs no decryption.
  void drain_some(asio::mutable_buffer target, Done done) override {
    socket().async_read_some(target, std::move(done));
  }
  tcp::socket& socket() override { return beast::get_lowest_layer(stream_); }

 protected:
  Stream stream_;
};

class PlainStream : public StreamOver<tcp::socket> {
 public:
  using StreamOver::StreamOver;

  void handshake(Done done) override { done({}, 0); }
  void send_end(Done done) override {
    beast::error_code ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    done({}, 0);
  }
  bool is_secure() const override { return false; }
};

class TlsStream : public StreamOver<asio::ssl::stream<tcp::socket>> {
 public:
  using StreamOver::StreamOver;

  void handshake(Done done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [done = std::move(done)](beast::error_code error) { done(error, 0); });
  }
  void send_end(Done done) override {
    // async_shutdown fails if the client is still sending a body. The end has been sent regardless.
    stream_.async_shutdown([this, done = std::move(done)](beast::error_code) {
      beast::error_code ignored;
      socket().shutdown(tcp::socket::shutdown_send, ignored);
      done({}, 0);
    });
  }
  bool is_secure() const override { return true; }
};

}  // namespace

void SocketStream::cancel() {
  beast::error_code ignored;
  socket().cancel(ignored);
}

void SocketStream::close() {
  beast::error_code ignored;
  socket().close(ignored);
}

std::unique_ptr<SocketStream> make_stream(tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr) return std::make_unique<PlainStream>(std::move(socket));
  return std::make_unique<TlsStream>(std::move(socket), *tls);
}

std::unique_ptr<asio::ssl::context> make_tls_context(const std::string& certificate_file,
                                                     const std::string& key_file) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  const auto check = [](const beast::error_code& error, const char* what, const std::string& file) {
    if (!error) return;
    fail(ErrorCode::kInvalidInput, file, ": is not a ", what, " in PEM: ", error.message());
  };
  beast::error_code error;
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                           asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                       error);
  // With TLS 1.2, a client could otherwise renegotiate repeatedly on one connection, which costs
  // the server much more than the client.
  ::SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  ::SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  context->use_certificate_chain_file(certificate_file, error);
  check(error, "certificate", certificate_file);
  context->use_private_key_file(key_file, asio::ssl::context::pem, error);
  check(error, "private key that belongs to the certificate", key_file);
  return context;
}

}  // namespace glm_image::server
