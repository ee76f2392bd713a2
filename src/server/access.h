#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/api_key.h"
#include "server/exchange.h"

namespace glm_image::server {

/// Removes trailing slashes: "https://draw.example/" → "https://draw.example". Throws kInvalidInput
/// unless the URL has the scheme http or https and no path.
std::string checked_public_url(const std::string& url);

/// Decides which requests are allowed.
class Access {
 public:
  struct Options {
    ApiKey key;
    /// Origins of other sites whose pages may use the server (CORS); "*" for all.
    std::vector<std::string> allowed_origins;
    /// Whether Host must name this machine: is_loopback_text, or `own_host`. This prevents DNS
    /// rebinding, where a foreign site's name resolves to 127.0.0.1 after its page was loaded.
    bool only_local_hosts = true;
    std::string own_host;    ///< the host on which the server listens; may be a name
    std::string public_url;  ///< a checked_public_url; its host and origin are also allowed
  };
  explicit Access(Options options);

  /// Sets the headers that all responses share. Throws ApiError 401 or 403 if the request is not
  /// allowed. The key is required for /v1/… and /metrics, except for pictures by identifier.
  /// Requests from pages of other sites are refused by Origin. If a browser sends no Origin, they
  /// are refused by Sec-Fetch-Site, unless the request only reads.
  void check(Exchange& exchange) const;

  /// Responds to a CORS preflight request.
  void answer_preflight(Exchange& exchange) const;

 private:
  void check_origin(Exchange& exchange) const;
  bool origin_is_allowed(const std::string& text, const Exchange& exchange) const;

  const Options options_;
  const std::optional<Origin> public_origin_;
};

}  // namespace glm_image::server
