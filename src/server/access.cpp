#include "server/access.h"

#include <algorithm>

#include "server/api_error.h"
#include "server/page.h"

namespace glm_image::server {
namespace {

constexpr const char* kPicturePath = "/v1/images/";

bool starts_with(const std::string& text, const std::string& beginning) {
  return text.rfind(beginning, 0) == 0;
}

/// "localhost:8080" → "localhost", "[::1]:80" → "[::1]".
std::string without_port(const std::string& host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

/// "https://a.example/x" → "a.example".
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos) return "";
  return url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
}

bool is_local(const std::string& host) {
  const auto name = without_port(host);
  return name.empty() || name == "localhost" || name == "[::1]" || starts_with(name, "127.");
}

bool needs_key(const Exchange& exchange) {
  const auto& path = exchange.path();
  if (exchange.method() == "OPTIONS") return false;
  if (exchange.method() == "GET" && starts_with(path, kPicturePath)) return false;
  return starts_with(path, "/v1/") || path == "/metrics";
}

}  // namespace

Access::Access(Options options) : options_(std::move(options)) {}

bool Access::origin_is_allowed(const std::string& origin, const std::string& host) const {
  const auto& allowed = options_.allowed_origins;
  if (host_of(origin) == host && !host.empty()) return true;
  if (!options_.public_url.empty() && host_of(origin) == host_of(options_.public_url)) return true;
  return std::any_of(allowed.begin(), allowed.end(), [&](const auto& entry) {
    return entry == "*" || entry == origin;
  });
}

void Access::check(Exchange& exchange) const {
  exchange.set_header("X-Content-Type-Options", "nosniff");
  exchange.set_header("Referrer-Policy", "no-referrer");
  exchange.set_header("Content-Security-Policy", kContentSecurityPolicy);
  const auto host = exchange.header("Host");
  const bool is_public = !options_.public_url.empty() && host == host_of(options_.public_url);
  if (options_.only_local_hosts && !is_local(host) && !is_public) {
    throw ApiError(403,
                   "this server answers to local names only; --public-url names another",
                   "",
                   "host_not_allowed");
  }
  const auto origin = exchange.header("Origin");
  if (!origin.empty()) {
    // Forms of any page can be sent to any site: refused here, not only kept from being read.
    if (!origin_is_allowed(origin, host)) {
      throw ApiError(403, "pages of other sites may not use this server", "", "origin_not_allowed");
    }
    if (!options_.allowed_origins.empty()) {
      exchange.set_header("Access-Control-Allow-Origin", origin);
      exchange.set_header("Vary", "Origin");
    }
  }
  if (needs_key(exchange) && !options_.key.admits(exchange.header("Authorization"))) {
    throw ApiError(401,
                   "the API key is missing or wrong: send Authorization: Bearer KEY",
                   "",
                   "invalid_api_key");
  }
}

void Access::answer_preflight(Exchange& exchange) const {
  if (!options_.allowed_origins.empty()) {
    exchange.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    exchange.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type");
    exchange.set_header("Access-Control-Max-Age", "600");
  }
  exchange.answer(204, "", "text/plain");
}

}  // namespace glm_image::server
