#include "cluster/address.h"

#include <algorithm>

#include "core/error.h"
#include "core/network_host.h"

namespace glm_image::cluster {
namespace {

constexpr int kMaxPort = 65535;

/// 0 if `text` is no port.
int port_number(const std::string& text) {
  const bool is_number =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const int port = is_number ? std::stoi(text) : 0;
  return port <= kMaxPort ? port : 0;
}

}  // namespace

std::string Address::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return concat(is_ipv6 ? "[" + host + "]" : host, ':', port);
}

bool Address::is_loopback() const {
  return is_loopback_host(host);
}

Address parse_address(const std::string& text, const std::string& option) {
  const auto refuse = [&](const char* reason) {
    fail(ErrorCode::kInvalidInput,
         option,
         " must be HOST:PORT, such as 192.168.1.10:4600, with a port from 1 to 65535; found '",
         text,
         "'",
         reason);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) refuse("");
  Address address;
  address.host = text.substr(0, colon);
  address.port = static_cast<uint16_t>(port_number(text.substr(colon + 1)));
  auto& host = address.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    refuse(": an IPv6 address needs brackets");
  }
  if (host.empty() || address.port == 0) refuse("");
  if (host == "*" || is_any_text(host)) {
    refuse(": name one address of this machine that the others can reach");
  }
  return address;
}

}  // namespace glm_image::cluster
