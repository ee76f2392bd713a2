#include "server/request_log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "io/json_text.h"

namespace glm_image::server {
namespace {

using io::OrderedJson;

/// "2026-11-24T16:00:00Z"
std::string now_text() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string dumped(const OrderedJson& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, OrderedJson::error_handler_t::replace);
}

}  // namespace

/// The queue of lines and the thread that writes them. The thread shares ownership, since it
/// outlives the log if a write blocks.
class RequestLog::Writer : public std::enable_shared_from_this<RequestLog::Writer> {
 public:
  explicit Writer(int descriptor) : descriptor_(descriptor) {}

  void start() {
    std::thread([self = shared_from_this()] { self->run(); }).detach();
  }

  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= kMaxLines || bytes_ + text.size() > kMaxBytes) {
      ++dropped_;
      return;
    }
    bytes_ += text.size();
    lines_.push_back(std::move(text));
    change_.notify_all();
  }

  void stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    change_.notify_all();
    change_.wait_for(lock, kLastWait, [this] { return is_over_; });
    abandoned_ = true;
  }

 private:
  static constexpr std::size_t kMaxLines = 4096;
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
  static constexpr std::chrono::milliseconds kLastWait{500};

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      change_.wait(lock, [this] { return stopping_ || !lines_.empty(); });
      if (lines_.empty()) break;
      auto text = std::move(lines_.front());
      lines_.pop_front();
      bytes_ -= text.size();
      const auto dropped = std::exchange(dropped_, 0);
      lock.unlock();
      if (dropped > 0) text += dumped({{"time", now_text()}, {"dropped_lines", dropped}}) + "\n";
      const bool written = write_all(text);
      lock.lock();
      if (!written) break;
    }
    is_over_ = true;
    change_.notify_all();
  }

  /// A pipe that poll() reports as writable accepts PIPE_BUF bytes without blocking.
  bool write_all(std::string_view text) {
    while (!text.empty()) {
      constexpr int kPollMilliseconds = 100;
      pollfd poll{descriptor_, POLLOUT, 0};
      const int ready = ::poll(&poll, 1, kPollMilliseconds);
      {
        const std::lock_guard lock(mutex_);
        if (abandoned_) return false;
      }
      if (ready <= 0) continue;
      const auto count =
          ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
      if (count > 0) {
        text.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EINTR && errno != EAGAIN) {
        return true;  // the reader is gone; discard the line
      }
    }
    return true;
  }

  const int descriptor_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
  int64_t dropped_ = 0;
  bool stopping_ = false, is_over_ = false, abandoned_ = false;
};

RequestLog::RequestLog(int descriptor) : writer_(std::make_shared<Writer>(descriptor)) {
  writer_->start();
}

RequestLog::~RequestLog() {
  writer_->stop();
}

void RequestLog::write(const Exchange& exchange, int status) {
  OrderedJson json = {{"time", now_text()},
                      {"remote", exchange.remote_address()},
                      {"method", exchange.method()},
                      {"path", exchange.path()},
                      {"status", status},
                      {"seconds", exchange.seconds()},
                      {"bytes", exchange.bytes_sent.load()}};
  if (!exchange.logged_prompt.empty()) json["prompt"] = exchange.logged_prompt;
  line(dumped(json));
}

void RequestLog::fault(const std::string& message) {
  line(dumped({{"time", now_text()}, {"fault", message}}));
}

void RequestLog::notice(const std::string& message) {
  line(dumped({{"time", now_text()}, {"notice", message}}));
}

void RequestLog::line(std::string text) {
  text += '\n';
  writer_->add(std::move(text));
}

}  // namespace glm_image::server
