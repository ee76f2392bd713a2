#include "server/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "core/error.h"
#include "server/api_error.h"
#include "server/header_value.h"
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

/// "https://A.example/x" → "a.example".
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos) return "";
  return lower(url.substr(begin + 3, url.find('/', begin + 3) - begin - 3));
}

bool is_local(const std::string& host) {
  const auto name = without_port(host);
  return name.empty() || name == "[::1]" || is_loopback(name);
}

/// A token of HTTP's grammar list, "authorization, x-stainless-os": what may be named back.
bool is_header_list(const std::string& text) {
  constexpr size_t kMaxBytes = 2048;
  return text.size() <= kMaxBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

bool needs_key(const Exchange& exchange) {
  const auto& path = exchange.path();
  if (exchange.method() == "OPTIONS") return false;
  if (exchange.method() == "GET" && starts_with(path, kPicturePath)) return false;
  return starts_with(path, "/v1/") || path == "/metrics";
}

}  // namespace

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) {
    return ntohl(address.s_addr) >> 24 == 127;
  }
  return lower(host) == "localhost" || host == "::1";
}

std::string checked_public_url(const std::string& url) {
  auto checked = url;
  while (!checked.empty() && checked.back() == '/') checked.pop_back();
  const auto scheme = lower(checked.substr(0, checked.find("://")));
  const bool has_scheme = scheme == "http" || scheme == "https";
  const auto host = host_of(checked);
  if (!has_scheme || host.empty() || checked.size() != checked.find("://") + 3 + host.size()) {
    fail(ErrorCode::kInvalidInput,
         "--public-url must be like https://draw.example, without a path; found '",
         url,
         "'");
  }
  return checked;
}

Access::Access(Options options) : options_(std::move(options)) {}

bool Access::origin_is_allowed(const std::string& origin, const std::string& host) const {
  const auto& allowed = options_.allowed_origins;
  const auto origin_host = host_of(origin);  // empty for "null", a page without an origin
  if (!origin_host.empty() &&
      (origin_host == host || origin_host == host_of(options_.public_url))) {
    return true;
  }
  return std::any_of(allowed.begin(), allowed.end(), [&](const auto& entry) {
    return entry == "*" || lower(entry) == lower(origin);
  });
}

void Access::check(Exchange& exchange) const {
  exchange.set_header("X-Content-Type-Options", "nosniff");
  exchange.set_header("Referrer-Policy", "no-referrer");
  exchange.set_header("Content-Security-Policy", kContentSecurityPolicy);
  const auto host = lower(exchange.header("Host"));
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
      exchange.set_header("Access-Control-Expose-Headers", "Retry-After");
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
    // OpenAI's client sends a dozen headers of its own, of which none means anything here.
    const auto asked = exchange.header("Access-Control-Request-Headers");
    exchange.set_header(
        "Access-Control-Allow-Headers",
        !asked.empty() && is_header_list(asked) ? asked : "Authorization, Content-Type");
    exchange.set_header("Access-Control-Max-Age", "600");
  }
  exchange.answer(204, "", "text/plain");
}

}  // namespace glm_image::server
