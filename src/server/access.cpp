#include "server/access.h"

#include <algorithm>

#include "core/error.h"
#include "core/network_host.h"
#include "core/prefix.h"
#include "server/api_error.h"
#include "server/header_value.h"
#include "server/page.h"

namespace glm_image::server {
namespace {

constexpr const char* kPicturePath = "/v1/images/";

bool only_reads(const Exchange& exchange) {
  const auto& method = exchange.method();
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

/// Whether a text is a list of header names, such as "authorization, x-stainless-os".
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
  const bool gets = exchange.method() == "GET" || exchange.method() == "HEAD";
  if (gets && starts_with(path, kPicturePath)) return false;
  return starts_with(path, "/v1/") || path == "/metrics";
}

}  // namespace

std::string checked_public_url(const std::string& url) {
  auto checked = url;
  while (!checked.empty() && checked.back() == '/') checked.pop_back();
  const auto origin = parse_origin(checked);
  if (!origin || (origin->scheme != "http" && origin->scheme != "https")) {
    fail(ErrorCode::kInvalidInput,
         "--public-url must be like https://draw.example, without a path; found '",
         url,
         "'");
  }
  return checked;
}

Access::Access(Options options)
    : options_(std::move(options)), public_origin_(parse_origin(options_.public_url)) {}

bool Access::origin_is_allowed(const std::string& text, const Exchange& exchange) const {
  const auto origin = parse_origin(text);
  if (origin) {
    if (public_origin_ && is_same_origin(*public_origin_, *origin)) return true;
    // Without TLS, https is right too: a proxy may have terminated TLS.
    const bool is_web =
        origin->scheme == "https" ||
        (origin->scheme == "http" && std::string_view(exchange.scheme()) != "https");
    if (is_web && is_same_origin(*origin, {origin->scheme, exchange.authority()})) return true;
  }
  const auto& allowed = options_.allowed_origins;
  return std::any_of(allowed.begin(), allowed.end(), [&](const auto& entry) {
    if (entry == "*" || lower(entry) == lower(text)) return true;
    const auto other = parse_origin(entry);
    return origin && other && is_same_origin(*origin, *other);
  });
}

void Access::check_origin(Exchange& exchange) const {
  const auto origin = exchange.header("Origin");
  const ApiError other_site(
      403, "pages of other sites may not use this server", "", "origin_not_allowed");
  if (origin.empty()) {
    // Some browsers send no Origin with a form's POST. Links to a picture or to the page are
    // allowed.
    const auto site = lower(exchange.header("Sec-Fetch-Site"));
    const bool is_own = site.empty() || site == "same-origin" || site == "none";
    if (!is_own && !only_reads(exchange)) throw other_site;
    return;
  }
  // Any page can send a form to any site, so hiding the answer from the page is not enough.
  if (!origin_is_allowed(origin, exchange)) throw other_site;
  if (options_.allowed_origins.empty()) return;
  exchange.set_header("Access-Control-Allow-Origin", origin);
  exchange.set_header("Access-Control-Expose-Headers", "Retry-After");
  exchange.set_header("Vary", "Origin");
}

void Access::check(Exchange& exchange) const {
  exchange.set_header("X-Content-Type-Options", "nosniff");
  exchange.set_header("Referrer-Policy", "no-referrer");
  exchange.set_header("Content-Security-Policy", kContentSecurityPolicy);
  const auto& host = exchange.authority();
  // HTTP/1.0 allows requests without a host. No browser sends them.
  const bool is_local =
      host.host.empty() || is_loopback_text(host.host) || host.host == lower(options_.own_host);
  const bool is_public =
      public_origin_ && is_same_origin(*public_origin_, {public_origin_->scheme, host});
  if (options_.only_local_hosts && !is_local && !is_public) {
    throw ApiError(403,
                   "this server accepts only local host names; --public-url adds another one",
                   "",
                   "host_not_allowed");
  }
  check_origin(exchange);
  if (needs_key(exchange) && !options_.key.admits(exchange.header("Authorization"))) {
    throw ApiError(401,
                   "the API key is missing or wrong: send Authorization: Bearer KEY",
                   "",
                   "invalid_api_key");
  }
}

void Access::answer_preflight(Exchange& exchange) const {
  if (!options_.allowed_origins.empty()) {
    exchange.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    // OpenAI's client sends a dozen additional headers, which the server does not read.
    const auto asked = exchange.header("Access-Control-Request-Headers");
    exchange.set_header(
        "Access-Control-Allow-Headers",
        !asked.empty() && is_header_list(asked) ? asked : "Authorization, Content-Type");
    exchange.set_header("Access-Control-Max-Age", "600");
  }
  exchange.answer(204, "", "text/plain");
}

}  // namespace glm_image::server
