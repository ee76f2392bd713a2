#pragma once

#include <string>
#include <vector>

#include "server/api_key.h"
#include "server/exchange.h"

namespace glm_image::server {

/// Who may ask for what.
class Access {
 public:
  struct Options {
    ApiKey key;
    std::vector<std::string> allowed_origins;  ///< of other sites' pages (CORS); "*" for all
    /// Whether only names of this machine may stand in Host: against pages of other sites whose
    /// name turns into 127.0.0.1 after they were loaded.
    bool only_local_hosts = true;
    std::string public_url;  ///< whose host and origin are allowed too
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
