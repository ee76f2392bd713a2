#include "server/request_log.h"

#include <chrono>
#include <ctime>

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

void RequestLog::write(const Exchange& exchange, int status) {
  OrderedJson json = {{"time", now_text()},
                      {"remote", exchange.remote_address()},
                      {"method", exchange.method()},
                      {"path", exchange.path()},
                      {"status", status},
                      {"seconds", exchange.seconds()},
                      {"bytes", exchange.bytes_sent}};
  if (!exchange.logged_prompt.empty()) json["prompt"] = exchange.logged_prompt;
  line(dumped(json));
}

void RequestLog::fault(const std::string& message) {
  line(dumped({{"time", now_text()}, {"fault", message}}));
}

void RequestLog::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  out_ << text << std::endl;
}

}  // namespace glm_image::server
