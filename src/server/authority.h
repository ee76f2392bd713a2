#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glm_image::server {

/// A host and its port, as in Host headers and URLs.
struct Authority {
  /// In lower case. An IPv6 address is in its shortest form (RFC 5952), without brackets.
  std::string host;
  std::string port;  ///< digits without leading zeros; empty if the text has none
  bool is_ipv6 = false;

  /// "a.example:80", "[::1]:80".
  std::string text() const;
};

/// Parses RFC 3986's `host [ ":" port ]`: a name, an IPv4 address, or an IPv6 address in brackets.
/// Returns nothing for anything else: user names, a port that is not a number up to 65535, an empty
/// host.
std::optional<Authority> parse_authority(std::string_view text);

/// The origin of a page: scheme, host and port (RFC 6454).
struct Origin {
  std::string scheme;  ///< in lower case
  Authority authority;
};

/// Parses `scheme "://" host [ ":" port ]`. Returns nothing for anything else, such as "null" or a
/// URL with a path.
std::optional<Origin> parse_origin(std::string_view text);

/// Whether two origins are the same. A missing port stands for the scheme's default: 80 for http,
/// 443 for https.
bool is_same_origin(const Origin& a, const Origin& b);

}  // namespace glm_image::server
