#include "server/http_service.h"

#include <algorithm>
#include <string_view>

#include "core/prefix.h"
#include "io/shown.h"
#include "server/api_error.h"

namespace glm_image::server {

const HttpRoute& HttpService::find_route(Exchange& exchange) const {
  const auto& path = exchange.path();
  auto found = routes.find(path);
  if (found == routes.end()) {
    found = std::find_if(routes.begin(), routes.end(), [&](const auto& route) {
      const auto& own = route.first;
      return own.back() == '*' &&
             starts_with(path, std::string_view(own).substr(0, own.size() - 1));
    });
  }
  if (found == routes.end()) {
    throw ApiError(404, "this path does not exist", "", "not_found");
  }
  const auto method = exchange.method() == "HEAD" ? "GET" : exchange.method();
  const auto route = found->second.find(method);
  if (route == found->second.end()) {
    std::string allowed;
    for (const auto& [name, ignored] : found->second) {
      allowed += (allowed.empty() ? "" : ", ") + name + (name == "GET" ? ", HEAD" : "");
    }
    exchange.set_header("Allow", allowed);
    throw ApiError(405,
                   "this path does not support the method " + io::shown_name(exchange.method()),
                   "",
                   "method_not_allowed");
  }
  return route->second;
}

void HttpService::run_guarded(Exchange& exchange, const std::function<void()>& action) const {
  try {
    action();
  } catch (const std::exception& error) {
    answer_error(exchange, error);
  } catch (...) {
    answer_error(exchange, std::runtime_error("an unknown exception"));
  }
}

void HttpService::answer_error(Exchange& exchange, const std::exception& error) const {
  try {
    const auto answered = api_error(error);
    const bool was_meant = dynamic_cast<const ApiError*>(&error) != nullptr;
    if (!was_meant && answered.status() >= 500) {
      tell_fault(exchange.path().c_str(), error);
    }
    if (exchange.status() != 0) return;
    if (answered.retry_after_seconds > 0) {
      exchange.set_header("Retry-After", std::to_string(answered.retry_after_seconds));
    }
    if (answered.status() == 401) exchange.set_header("WWW-Authenticate", "Bearer");
    exchange.answer(answered.status(), answered.json(), "application/json");
  } catch (const std::exception&) {
    // Without memory for a response, the connection closes without one.
  }
}

void HttpService::tell_fault(const char* where, const std::exception& error) const noexcept {
  try {
    if (fault) fault(std::string(where) + ": " + error.what());
  } catch (const std::exception&) {
  }
}

void HttpService::tell_request(const Exchange& exchange, int status) const noexcept {
  try {
    if (log) log(exchange, status);
  } catch (const std::exception&) {
  }
}

void HttpService::in_handler(std::function<void()> task) {
  asio::post(handlers, std::move(task));
}

}  // namespace glm_image::server
