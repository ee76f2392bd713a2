#include "core/network_host.h"

#include <netinet/in.h>
#include <strings.h>

#include <cstring>
#include <optional>

namespace glm_image {
namespace {

constexpr uint32_t kLoopbackNet = 127;

/// The IPv4 address, also one that is mapped into IPv6; in the host's byte order.
std::optional<uint32_t> ipv4_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (!IN6_IS_ADDR_V4MAPPED(&ipv6)) return std::nullopt;
  constexpr int kMappedBytes = 12;
  uint32_t number = 0;
  std::memcpy(&number, ipv6.s6_addr + kMappedBytes, sizeof number);
  return ntohl(number);
}

/// The address of a host that is a number; nothing is looked up.
AddressList number_of(const std::string& host) {
  return resolve_host(host, "0", AI_NUMERICHOST);
}

}  // namespace

AddressList resolve_host(const std::string& host,
                         const std::string& port,
                         int flags,
                         std::string* error) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
  if (code != 0) list = nullptr;
  if (code != 0 && error != nullptr) *error = ::gai_strerror(code);
  return {list, [](addrinfo* found) {
            if (found != nullptr) ::freeaddrinfo(found);
          }};
}

bool is_loopback(const sockaddr& address) {
  if (const auto ipv4 = ipv4_of(address)) return *ipv4 >> 24 == kLoopbackNet;
  if (address.sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

bool is_any(const sockaddr& address) {
  if (const auto ipv4 = ipv4_of(address)) return *ipv4 == INADDR_ANY;
  if (address.sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

bool are_loopback(const addrinfo* addresses) {
  for (const auto* one = addresses; one != nullptr; one = one->ai_next) {
    if (!is_loopback(*one->ai_addr)) return false;
  }
  return addresses != nullptr;
}

bool is_loopback_host(const std::string& host) {
  return are_loopback(resolve_host(host, "0", /*flags=*/0).get());
}

bool is_loopback_text(const std::string& host) {
  return ::strcasecmp(host.c_str(), "localhost") == 0 || are_loopback(number_of(host).get());
}

bool is_any_text(const std::string& host) {
  const auto number = number_of(host);
  return number != nullptr && is_any(*number->ai_addr);
}

}  // namespace glm_image
