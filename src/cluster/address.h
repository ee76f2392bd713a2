#pragma once

#include <cstdint>
#include <string>

namespace glm_image::cluster {

/// Where the ranks meet.
struct Address {
  std::string host;  ///< a name or a number, without brackets
  uint16_t port = 0;

  /// "10.0.0.5:4600", "[fe80::1]:4600"
  std::string text() const;
  /// Whether only this machine can reach it: is_loopback_host of its host.
  bool is_loopback() const;
};

/// Reads HOST:PORT, with brackets around an IPv6 address. `option` names it in messages. Throws
/// kInvalidInput. Numbers that stand for all addresses of a machine (0.0.0.0, 0, ::) are refused:
/// ranks connect to the host by the name given here.
Address parse_address(const std::string& text, const std::string& option);

}  // namespace glm_image::cluster
