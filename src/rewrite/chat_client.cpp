#include "rewrite/chat_client.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "io/json_file.h"
#include "io/json_text.h"
#include "text/unicode.h"

namespace glm_image::rewrite {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using ErrorReason = beast::error_code;

constexpr auto kBetweenQuestions = std::chrono::milliseconds(100);
constexpr int kMostTokens = 2048;

/// One request on a connection of its own.
class ChatExchange {
 public:
  ChatExchange(const ChatAddress& address, const ChatLimits& limits)
      : address_(address), limits_(limits) {
    parser_.body_limit(limits.max_bytes);
  }

  /// Returns the status and the body.
  std::pair<unsigned, std::string> run(http::verb verb,
                                       const std::string& path,
                                       std::string body,
                                       const std::function<bool()>& goes_on) {
    prepare(verb, path, std::move(body));
    connect();
    while (!done_) {
      io_.run_for(kBetweenQuestions);
      if (io_.stopped()) io_.restart();
      if (!goes_on()) fail(ErrorCode::kCancelled, "stopped");
      if (!done_ && Clock::now() >= deadline_)
        give_up(is_connected_ ? "no answer" : "no connection");
    }
    if (error_) give_up(error_.message());
    auto& answer = parser_.get();
    // Beast bounds a body as it arrives, but not one that came with the head in one piece.
    if (answer.body().size() > limits_.max_bytes) give_up("its answer is too long");
    return {answer.result_int(), std::move(answer.body())};
  }

 private:
  [[noreturn]] void give_up(const std::string& reason) const {
    fail(ErrorCode::kNotFound, "the chat server ", address_.text(), " cannot be used: ", reason);
  }

  void prepare(http::verb verb, const std::string& path, std::string body) {
    request_.method(verb);
    request_.target(address_.base + path);
    request_.version(11);
    request_.set(http::field::host, address_.host + ":" + address_.port);
    request_.set(http::field::connection, "close");
    if (verb == http::verb::post) request_.set(http::field::content_type, "application/json");
    request_.body() = std::move(body);
    request_.prepare_payload();
  }

  void connect() {
    deadline_ = Clock::now() + limits_.connect;
    resolver_.async_resolve(
        address_.host,
        address_.port,
        [this](ErrorReason error, const tcp::resolver::results_type& found) {
          if (error) return finish(error);
          // A name may be redirected to another machine, which must not get the prompt.
          for (const auto& entry : found) {
            if (!entry.endpoint().address().is_loopback()) {
              return finish(asio::error::make_error_code(asio::error::host_not_found));
            }
          }
          stream_.async_connect(found, [this](ErrorReason failed, const tcp::endpoint&) {
            if (failed) return finish(failed);
            is_connected_ = true;
            deadline_ = Clock::now() + limits_.answer;
            send();
          });
        });
  }

  void send() {
    http::async_write(stream_, request_, [this](ErrorReason error, std::size_t) {
      if (error) return finish(error);
      http::async_read(
          stream_, buffer_, parser_, [this](ErrorReason failed, std::size_t) { finish(failed); });
    });
  }

  void finish(ErrorReason error) {
    error_ = error;
    done_ = true;
  }

  const ChatAddress& address_;
  const ChatLimits& limits_;
  asio::io_context io_;
  tcp::resolver resolver_{io_};
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  Clock::time_point deadline_;
  ErrorReason error_;
  bool is_connected_ = false;
  bool done_ = false;
};

/// The model to name in the question: some servers require one. Empty if the server lists none.
std::string first_model(const ChatAddress& address,
                        const std::function<bool()>& goes_on,
                        const ChatLimits& limits) {
  const auto [status, body] =
      ChatExchange(address, limits).run(http::verb::get, "/models", "", goes_on);
  if (status != 200) return "";
  const auto json = io::Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto models = json.is_object() ? json.value("data", io::Json()) : io::Json();
  if (!models.is_array() || models.empty() || !models.front().is_object()) return "";
  const auto id = models.front().value("id", io::Json());
  return id.is_string() ? id.get<std::string>() : "";
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string without_thoughts(const std::string& answer) {
  constexpr const char* kEnd = "</think>";
  const auto end = answer.rfind(kEnd);
  return trimmed(end == std::string::npos ? answer : answer.substr(end + std::string(kEnd).size()));
}

/// choices[0].message.content
std::optional<std::string> content_of(const std::string& body) {
  const auto json = io::Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto content = io::Json::json_pointer("/choices/0/message/content");
  if (json.is_discarded() || !json.is_object() || !json.contains(content)) return std::nullopt;
  if (!json.at(content).is_string()) return std::nullopt;
  return json.at(content).get<std::string>();
}

}  // namespace

std::string ask_chat_server(const ChatAddress& address,
                            const std::string& instructions,
                            const std::string& question,
                            const std::function<bool()>& goes_on,
                            const ChatLimits& limits) {
  io::OrderedJson json = {{"messages",
                           {{{"role", "system"}, {"content", instructions}},
                            {{"role", "user"}, {"content", question}}}},
                          {"temperature", 0},
                          {"max_tokens", kMostTokens},
                          {"stream", false}};
  const auto model = first_model(address, goes_on, limits);
  if (!model.empty()) json["model"] = model;
  const auto [status, body] =
      ChatExchange(address, limits)
          .run(http::verb::post, "/chat/completions", io::json_text(json), goes_on);
  if (status != 200) {
    fail(ErrorCode::kNotFound,
         "the chat server ",
         address.text(),
         " answered with status ",
         status,
         " instead of 200");
  }
  const auto content = content_of(body);
  if (!content) {
    fail(ErrorCode::kCorruptFile,
         "the chat server ",
         address.text(),
         " answered without choices[0].message.content");
  }
  return without_thoughts(*content);
}

}  // namespace glm_image::rewrite
