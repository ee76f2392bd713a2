#pragma once

#include <string>
#include <vector>

#include "server/api_key.h"
#include "server/exchange.h"

namespace glm_image::server {

/// Whether a host is a name or an address that only this machine reaches: "localhost", "::1" and
/// 127.x.y.z. (Not "127.example.org", which anyone may register.)
bool is_loopback(const std::string& host);

/// "https://draw.example/" → "https://draw.example". Throws kInvalidInput unless it is an address
/// of http or https without a path.
std::string checked_public_url(const std::string& url);

/// Who may ask for what.
class Access {
 public:
  struct Options {
    ApiKey key;
    std::vector<std::string> allowed_origins;  ///< of other sites' pages (CORS); "*" for all
    /// Whether only names of this machine may stand in Host: against pages of other sites whose
    /// name turns into 127.0.0.1 after they were loaded.
    bool only_local_hosts = true;
    std::string public_url;  ///< a checked_public_url, whose host and origin are allowed too
  };
  explicit Access(Options options);

  /// Sets the headers that every answer has. Throws ApiError 401 or 403 for a request that may not
  /// pass: the key is asked of /v1/… and /metrics, but not for pictures by their identifier.
  void check(Exchange& exchange) const;

  /// Answers the question that browsers ask before a request from another site.
  void answer_preflight(Exchange& exchange) const;

 private:
  bool origin_is_allowed(const std::string& origin, const std::string& host) const;

  const Options options_;
};

}  // namespace glm_image::server
