// Limits on clients that do not read, through sockets.

#include "server/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

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
  void ask(const std::string& path) {
    send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  /// At most `most` bytes; fewer if the server closes or is silent for `time`.
  std::string read(std::size_t most, std::chrono::milliseconds time = 5s) {
    std::string text;
    char bytes[65536];
    pollfd poll{socket_, POLLIN, 0};
    while (text.size() < most && ::poll(&poll, 1, static_cast<int>(time.count())) > 0) {
      const auto count = ::recv(socket_, bytes, std::min(sizeof bytes, most - text.size()), 0);
      if (count <= 0) break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }
  /// Whether the connection ends within the next answer. The system delivers what the server had
  /// given it before.
  bool is_cut() { return read(2 * kAnswerBytes, 5s).size() < kAnswerBytes / 2; }

 private:
  const int socket_;
};

/// A server with a large answer at /large and a small one at /small.
class SlowReaders : public testing::Test {
 protected:
  int start(const HttpLimits& limits) {
    server_.emplace(limits);
    const auto answers = [](std::size_t bytes) {
      const auto text = std::make_shared<const std::string>(bytes, 'a');
      return HttpRoute{[text](Exchange& exchange) { exchange.answer(200, text, "text/plain"); },
                       {}};
    };
    server_->set_log([this](const Exchange&, int) { ++answered_; });
    server_->route("GET", "/large", answers(kAnswerBytes));
    server_->route("GET", "/small", answers(1));
    return server_->start("127.0.0.1", 0);
  }
  void TearDown() override {
    if (server_) server_->stop();
  }

  std::atomic<int> answered_{0};
  std::optional<HttpServer> server_;
};

TEST_F(SlowReaders, OneIsDroppedWhereAnswersTakeTooMuchMemory) {
  HttpLimits limits;
  limits.max_answer_memory = 2 * kAnswerBytes;
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
  limits.write_time = 1s;
  // The system takes some megabytes at once, which count as sent.
  limits.slowest_bytes_per_second = 8 << 20;
  const int port = start(limits);
  Client silent(port), reading(port);
  silent.ask("/large");
  reading.ask("/large");
  // Slower than the system, faster than the slowest allowed rate: it gets everything.
  std::size_t got = 0;
  const auto end = std::chrono::steady_clock::now() + 3s;
  while (std::chrono::steady_clock::now() < end) {
    if (got < kAnswerBytes) got += reading.read(std::size_t{1} << 20).size();
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(silent.is_cut());
  got += reading.read(2 * kAnswerBytes, 2s).size();
  EXPECT_GT(got, kAnswerBytes);
  Client newcomer(port);
  newcomer.ask("/small");
  EXPECT_EQ(newcomer.read(100, 10s).substr(9, 3), "200");
}

TEST_F(SlowReaders, AClientThatSendsRequestsAndReadsNothingHoldsOneAnswer) {
  const int port = start(HttpLimits());
  Client client(port);
  for (int i = 0; i < 50; ++i) client.ask("/large");
  std::this_thread::sleep_for(500ms);
  EXPECT_LE(answered_, 1);
}

}  // namespace
}  // namespace glm_image::test
