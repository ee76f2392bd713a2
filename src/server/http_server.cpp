#include "server/http_server.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "core/error.h"
#include "server/http_service.h"
#include "server/http_session.h"

namespace glm_image::server {
namespace {

constexpr std::chrono::milliseconds kTick{100};
/// Pause before the next attempt if there is no room for a new connection.
constexpr std::chrono::milliseconds kAcceptPause{20};
/// If all connections are taken: how long a client may be silent and a new one wait, in sum.
/// Without it, clients that reconnect all the time would take the place of one that needs a moment
/// to send its request.
constexpr std::chrono::milliseconds kPatience{600};
/// Connections that are accepted before other sockets get their turn.
constexpr int kAcceptsPerTurn = 16;
/// Connections beyond the limit while no other can be dropped.
constexpr int64_t kSurplus = 8;
/// Additional time after stop_time for handlers that do not return.
constexpr std::chrono::seconds kStopReserve{5};

}  // namespace

/// The listening socket, and the thread that runs all connections.
class HttpServer::Listener {
 public:
  explicit Listener(HttpService& service)
      : service_(service), acceptor_(service.io), ticks_(service.io), retry_(service.io) {}

  /// Returns the port.
  int open(const std::string& host, int port);
  void start();
  void stop();
  bool is_listening() const { return is_listening_; }

 private:
  bool bind_to(const tcp::endpoint& end);
  void run();
  void accept();
  void on_accept(beast::error_code error, tcp::socket socket);
  void on_failed_accept(const beast::error_code& error);
  bool admit();
  void retry_later();
  void tick();
  void begin_stop();

  HttpService& service_;
  tcp::acceptor acceptor_;
  asio::steady_timer ticks_, retry_;
  std::atomic<bool> is_listening_{false};
  bool accepts_ = false;  // also while it waits to accept again
  bool ticks_wait_ = false;
  std::optional<tcp::socket> newcomer_;  // not admitted yet
  Clock::time_point came_;
  Clock::time_point stop_at_ = Clock::time_point::max();
  std::thread thread_;
};

bool HttpServer::Listener::bind_to(const tcp::endpoint& end) {
  beast::error_code error, ignored;
  acceptor_.open(end.protocol(), error);
  if (error) return false;
  // Allows reuse of the port right after a server ended. Running servers do not share it.
  acceptor_.set_option(tcp::acceptor::reuse_address(true), ignored);
  if (end.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), ignored);
  acceptor_.bind(end, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  // For accept() of further connections without waiting.
  if (!error) acceptor_.non_blocking(true, error);
  if (error) acceptor_.close(ignored);
  return !error;
}

int HttpServer::Listener::open(const std::string& host, int port) {
  beast::error_code error;
  tcp::resolver resolver(service_.io);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  const bool bound = !error && std::any_of(found.begin(), found.end(), [&](const auto& entry) {
    return bind_to(entry.endpoint());
  });
  if (!bound) {
    fail(ErrorCode::kInvalidInput,
         "cannot listen on ",
         host,
         ":",
         port,
         ": the address is taken (--port chooses another) or does not belong to this machine");
  }
  return acceptor_.local_endpoint().port();
}

void HttpServer::Listener::start() {
  is_listening_ = true;
  thread_ = std::thread([this] { run(); });
}

void HttpServer::Listener::run() {
  while (true) {
    try {
      if (!ticks_wait_) tick();
      if (is_listening_ && !accepts_) accept();
      service_.io.run();
      return;
    } catch (const std::exception& error) {
      service_.tell_fault("the server", error);
      // The exception may have ended the accept operation without calling its handler.
      beast::error_code ignored;
      acceptor_.cancel(ignored);
      retry_.cancel();
      newcomer_.reset();
      accepts_ = false;
      std::this_thread::sleep_for(HttpService::kMemoryPause);
    }
  }
}

void HttpServer::Listener::accept() {
  acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || !is_listening_) return;
    accepts_ = false;
    on_accept(error, std::move(socket));
  });
  accepts_ = true;
}

void HttpServer::Listener::on_accept(beast::error_code error, tcp::socket socket) {
  for (int accepted = 1; !error; ++accepted) {
    newcomer_ = std::move(socket);
    came_ = Clock::now();
    if (!admit()) {
      retry_later();
      return;
    }
    if (accepted == kAcceptsPerTurn) break;
    socket = tcp::socket(service_.io);
    acceptor_.accept(socket, error);
  }
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    on_failed_accept(error);
  } else {
    accept();
  }
}

void HttpServer::Listener::on_failed_accept(const beast::error_code& error) {
  if (error == asio::error::bad_descriptor || error == asio::error::invalid_argument) {
    is_listening_ = false;
    return;
  }
  // The process or the system has run out of files or memory. Closing a connection makes room.
  service_.connections.drop_one(/*patience=*/{});
  retry_later();
}

void HttpServer::Listener::retry_later() {
  retry_.expires_after(kAcceptPause);
  retry_.async_wait([this](beast::error_code error) {
    if (error || !is_listening_) return;
    accepts_ = false;
    if (newcomer_ && !admit()) {
      retry_later();
    } else {
      accept();
    }
  });
  accepts_ = true;
}

/// Starts the new connection, or closes it if all clients wait for the server itself.
/// Returns false if a client may soon have to be dropped for it.
bool HttpServer::Listener::admit() {
  using Dropped = ConnectionTable::Dropped;
  const auto most = service_.limits.max_connections;
  auto& connections = service_.connections;
  if (connections.size() >= most) {
    // Once the new connection has waited for all the time, even a fast client is dropped, as
    // well.
    const auto waited = Clock::now() - came_;
    const auto dropped =
        connections.drop_one(waited < kPatience ? kPatience - waited : Clock::duration::min());
    if (dropped == Dropped::kNoneYet) return false;
    if (dropped == Dropped::kNone && connections.size() >= most + kSurplus) {
      newcomer_.reset();
      return true;
    }
  }
  auto socket = std::move(*newcomer_);
  newcomer_.reset();
  const auto session =
      std::make_shared<HttpSession>(service_, make_stream(std::move(socket), service_.tls.get()));
  connections.add(session);
  session->start();
  return true;
}

void HttpServer::Listener::tick() {
  ticks_.expires_after(kTick);
  ticks_.async_wait([this](beast::error_code) {
    ticks_wait_ = false;
    service_.connections.tick();
    service_.turns.resume();
    if (service_.stopping) {
      if (Clock::now() > stop_at_) service_.connections.close(/*all=*/true);
      if (service_.connections.is_empty()) return;
      if (Clock::now() > stop_at_ + kStopReserve) {
        service_.io.stop();
        return;
      }
    }
    tick();
  });
  ticks_wait_ = true;
}

void HttpServer::Listener::begin_stop() {
  service_.stopping = true;
  stop_at_ = Clock::now() + service_.limits.stop_time;
  beast::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  newcomer_.reset();
  service_.connections.close(/*all=*/false);
}

void HttpServer::Listener::stop() {
  if (!thread_.joinable()) return;
  is_listening_ = false;
  service_.on_io_thread([this] { begin_stop(); });
  thread_.join();
  // Their clients are gone, so requests that still wait for a thread need no answer.
  service_.handlers.stop();
  service_.handlers.join();
}

HttpServer::HttpServer(HttpLimits limits)
    : service_(std::make_unique<HttpService>(
          limits, std::make_shared<BodyMemory>(limits.max_body_memory))) {}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::route(const std::string& method, const std::string& path, HttpRoute route) {
  service_->routes[path][method] = std::move(route);
}

void HttpServer::set_guard(std::function<void(Exchange&)> guard) {
  service_->guard = std::move(guard);
}

void HttpServer::set_fault(std::function<void(const std::string&)> fault) {
  service_->fault = std::move(fault);
}

void HttpServer::set_log(std::function<void(const Exchange&, int)> log) {
  service_->log = std::move(log);
}

int HttpServer::start(const std::string& host, int port, const TlsFiles& tls) {
  if (!tls.certificate.empty()) service_->tls = make_tls_context(tls.certificate, tls.key);
  listener_ = std::make_unique<Listener>(*service_);
  const int bound = listener_->open(host, port);
  listener_->start();
  return bound;
}

bool HttpServer::is_listening() const {
  return listener_ != nullptr && listener_->is_listening();
}

void HttpServer::stop() {
  if (listener_ != nullptr) listener_->stop();
}

const HttpLimits& HttpServer::limits() const {
  return service_->limits;
}

}  // namespace glm_image::server
