#include "server/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "server/header_value.h"

namespace glm_image::server {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// RFC 3986's reg-name, which includes IPv4 addresses. `text` is in lower case.
bool is_registered_name(std::string_view text) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=";
  if (text.empty()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
      continue;
    }
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!plain && kMarks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool is_port(std::string_view digits) {
  constexpr int kMaxPort = 65535;
  int port = 0;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, port);
  return !digits.empty() && digits.front() != '-' && read.ec == std::errc() && read.ptr == end &&
         port <= kMaxPort;
}

std::optional<in6_addr> parse_ipv6(const std::string& text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return std::nullopt;
  return address;
}

/// Two spellings of one address compare equal once both are in this form.
std::string ipv6_text(const in6_addr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return text.data();
}

/// "0080" → "80".
std::string without_leading_zeros(std::string_view digits) {
  const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return std::string(digits.substr(first));
}

std::string port_or_default(const Origin& origin) {
  if (!origin.authority.port.empty()) return origin.authority.port;
  return origin.scheme == "https" ? "443" : origin.scheme == "http" ? "80" : "";
}

}  // namespace

std::string Authority::text() const {
  const auto name = is_ipv6 ? "[" + host + "]" : host;
  return port.empty() ? name : name + ":" + port;
}

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto address = parse_ipv6(std::string(text.substr(1, end - 1)));
    if (!address) return std::nullopt;
    authority.host = ipv6_text(*address);
    authority.is_ipv6 = true;
    rest = text.substr(end + 1);
  } else {
    const auto end = std::min(text.find(':'), text.size());
    authority.host = lower(text.substr(0, end));
    if (!is_registered_name(authority.host)) return std::nullopt;
    rest = text.substr(end);
  }
  if (rest.empty()) return authority;
  if (rest.front() != ':') return std::nullopt;
  rest.remove_prefix(1);
  // The grammar allows an empty port, which means the scheme's default.
  if (rest.empty()) return authority;
  if (!is_port(rest)) return std::nullopt;
  authority.port = without_leading_zeros(rest);
  return authority;
}

std::optional<Origin> parse_origin(std::string_view text) {
  constexpr std::string_view kSeparator = "://";
  const auto end = text.find(kSeparator);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  auto authority = parse_authority(text.substr(end + kSeparator.size()));
  if (!authority) return std::nullopt;
  return Origin{lower(text.substr(0, end)), std::move(*authority)};
}

bool is_same_origin(const Origin& a, const Origin& b) {
  return a.scheme == b.scheme && a.authority.host == b.authority.host &&
         port_or_default(a) == port_or_default(b);
}

}  // namespace glm_image::server
