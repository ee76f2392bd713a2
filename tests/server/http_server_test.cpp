// Limits on clients that do not read, through sockets.

#include "server/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using namespace std::chrono_literals;

/// Much more than the system keeps of what was sent and not read.
constexpr std::size_t kAnswerBytes = std::size_t{32} << 20;

/// A blocking client.
class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    // A small window: most of an answer stays with the server. One below the size of a segment
    // makes the system send by its timers.
    const int bytes = 128 * 1024;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }
  /// The server closes the connection after the answer, unless it `stays`.
  void ask(const std::string& path, bool stays = false) {
    send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
         (stays ? "\r\n" : "Connection: close\r\n\r\n"));
  }

  /// At most `most` bytes; fewer if the server closes, or hangs.
  std::string read(std::size_t most) {
    constexpr std::chrono::milliseconds kHang = 5min;
    std::string text;
    char bytes[65536];
    pollfd poll{socket_, POLLIN, 0};
    while (text.size() < most && ::poll(&poll, 1, static_cast<int>(kHang.count())) > 0) {
      const auto count = ::recv(socket_, bytes, std::min(sizeof bytes, most - text.size()), 0);
      if (count <= 0) break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }
  /// Whether the connection ends within the next answer. The system delivers what the server had
  /// given it before.
  bool is_cut() { return read(2 * kAnswerBytes).size() < kAnswerBytes / 2; }

 private:
  const int socket_;
};

/// A server with a large answer at /large and /silent, and a small one at /small.
class SlowReaders : public testing::Test {
 protected:
  int start(const HttpLimits& limits) {
    server_.emplace(limits);
    const auto answers = [](std::size_t bytes) {
      const auto text = std::make_shared<const std::string>(bytes, 'a');
      return HttpRoute{[text](Exchange& exchange) { exchange.answer(200, text, "text/plain"); },
                       {}};
    };
    server_->set_log([this](const Exchange& exchange, int) {
      const std::lock_guard lock(mutex_);
      answered_.insert(exchange.path());
    });
    for (const char* path : {"/large", "/silent"}) {
      server_->route("GET", path, answers(kAnswerBytes));
    }
    server_->route("GET", "/small", answers(1));
    return server_->start("127.0.0.1", 0);
  }
  void TearDown() override {
    if (server_) server_->stop();
  }

  /// Answers to this path that have ended.
  std::size_t answered(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return answered_.count(path);
  }

  std::mutex mutex_;
  std::multiset<std::string> answered_;
  std::optional<HttpServer> server_;
};

TEST_F(SlowReaders, OneIsDroppedWhereAnswersTakeTooMuchMemory) {
  HttpLimits limits;
  limits.max_answer_memory = 2 * kAnswerBytes;
  limits.write_time = 10min;
  const int port = start(limits);
  Client first(port), second(port), third(port);
  for (auto* client : {&first, &second}) {
    client->ask("/large");
    EXPECT_EQ(client->read(100).substr(9, 3), "200");
  }
  third.ask("/large");
  int cut = 0;
  for (auto* client : {&third, &second, &first}) cut += client->is_cut() ? 1 : 0;
  EXPECT_EQ(cut, 1);
}

TEST_F(SlowReaders, AnAnswerThatIsNotReadEndsInTime) {
  HttpLimits limits;
  // The system takes some megabytes at once, which count as sent.
  limits.write_time = 8s;
  limits.slowest_bytes_per_second = 2 << 20;
  const int port = start(limits);
  Client silent(port), reading(port);
  silent.ask("/silent");
  reading.ask("/large");
  // Faster than the slowest allowed rate, for longer than the time of a client that does not read:
  // it gets everything. It is never as late as that time, though this machine may stand still for
  // seconds.
  constexpr std::size_t kRate = std::size_t{3} << 20;
  std::size_t got = 0;
  const auto began = std::chrono::steady_clock::now();
  while (got < kAnswerBytes) {
    const auto part = reading.read(kRate / 10).size();
    if (part == 0) break;
    got += part;
    std::this_thread::sleep_until(began + std::chrono::milliseconds(1000 * got / kRate));
  }
  EXPECT_GE(got, kAnswerBytes);
  wait_until([&] { return answered("/silent") == 1; });
  EXPECT_TRUE(silent.is_cut());
  Client newcomer(port);
  newcomer.ask("/small");
  EXPECT_EQ(newcomer.read(100).substr(9, 3), "200");
}

TEST_F(SlowReaders, AClientThatSendsRequestsAndReadsNothingHoldsOneAnswer) {
  const int port = start(HttpLimits());
  Client client(port);
  for (int i = 0; i < 50; ++i) client.ask("/large", /*stays=*/true);
  std::this_thread::sleep_for(500ms);
  EXPECT_LE(answered("/large"), 1U);
}

}  // namespace
}  // namespace glm_image::test
