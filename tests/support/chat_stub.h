#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace glm_image::test {

/// A chat server on 127.0.0.1 that answers one connection after the other with what `reply` returns
/// for the question: the whole HTTP response. An empty response keeps the client waiting.
class ChatStub {
 public:
  using Reply = std::function<std::string(const nlohmann::json& question)>;

  explicit ChatStub(Reply reply) : reply_(std::move(reply)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("the stub cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ChatStub() {
    stops_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (const int connection : waiting_) ::close(connection);
    ::close(listener_);
  }
  ChatStub(const ChatStub&) = delete;
  ChatStub& operator=(const ChatStub&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  /// The questions that came to /v1/chat/completions.
  std::vector<nlohmann::json> questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }

  static std::string response(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " Status\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  }
  /// A chat server's answer.
  static std::string says(const std::string& content) {
    const nlohmann::json message = {{"role", "assistant"}, {"content", content}};
    const auto choices = nlohmann::json::array({{{"index", 0}, {"message", message}}});
    return response(200, nlohmann::json{{"choices", choices}}.dump());
  }

 private:
  void serve() {
    while (!stops_) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      answer(connection);
    }
  }

  void answer(int connection) {
    std::string request;
    char part[4096];
    std::size_t whole = std::string::npos;
    while (request.size() < whole) {
      const auto count = ::recv(connection, part, sizeof part, 0);
      if (count <= 0) break;
      request.append(part, static_cast<std::size_t>(count));
      const auto head = request.find("\r\n\r\n");
      if (whole != std::string::npos || head == std::string::npos) continue;
      const auto length = request.find("Content-Length: ");
      whole = head + 4;
      if (length < head) whole += std::stoul(request.substr(length + 16));
    }
    std::string text;
    if (request.rfind("GET /v1/models ", 0) == 0) {
      text = response(200, R"({"data": [{"id": "stub-model"}]})");
    } else if (request.rfind("POST /v1/chat/completions ", 0) == 0) {
      const auto question = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
      {
        const std::lock_guard lock(mutex_);
        questions_.push_back(question);
      }
      text = reply_(question);
    } else {
      text = response(404, "{}");
    }
    if (text.empty()) {
      waiting_.push_back(connection);
      return;
    }
    ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(connection);
  }

  Reply reply_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stops_{false};
  mutable std::mutex mutex_;
  std::vector<nlohmann::json> questions_;
  std::vector<int> waiting_;
  std::thread thread_;
};

}  // namespace glm_image::test
