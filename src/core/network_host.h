#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <string>

/// Hosts in options and headers: names, or addresses without brackets.
namespace glm_image {

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

/// Returns the TCP addresses of a host. `flags` are those of getaddrinfo. Returns null for a host
/// without addresses; `error`, if given, then gets the reason.
AddressList resolve_host(const std::string& host,
                         const std::string& port,
                         int flags,
                         std::string* error = nullptr);

/// Whether only this machine reaches the address: 127.0.0.0/8, ::1, or 127.0.0.0/8 mapped into
/// IPv6.
bool is_loopback(const sockaddr& address);
/// Whether the address stands for all of a machine's: 0.0.0.0, ::, or the former mapped into IPv6.
bool is_any(const sockaddr& address);
/// Whether there are addresses and is_loopback holds for all of them.
bool are_loopback(const addrinfo* addresses);

/// Whether only this machine reaches the host: it resolves, and to loopback addresses alone. A name
/// is looked up, which may ask a name server.
bool is_loopback_host(const std::string& host);
/// The same for "localhost" and numbers; false for every other name. Nothing is looked up: anyone
/// can let a name resolve to 127.0.0.1, so a name in a Host header must not count for its address
/// (DNS rebinding).
bool is_loopback_text(const std::string& host);
/// Whether the host is a number that stands for all addresses of a machine, in any spelling that
/// the system reads: "0.0.0.0", "0", "::", "0::0".
bool is_any_text(const std::string& host);

}  // namespace glm_image
