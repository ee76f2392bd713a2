#include "rewrite/chat_address.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/network_host.h"
#include "core/suffix.h"

namespace glm_image::rewrite {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kCompletions = "/chat/completions";

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65535;
}

bool is_plain_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/-._~").find(c) != std::string_view::npos;
  });
}

[[noreturn]] void refuse(const std::string& url) {
  fail(ErrorCode::kInvalidInput,
       "--rewrite must be the address of a chat server on this machine, like "
       "http://127.0.0.1:8081/v1; found '",
       url,
       "'");
}

}  // namespace

std::string ChatAddress::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return std::string(kScheme) + (is_ipv6 ? "[" + host + "]" : host) + ":" + port + base;
}

ChatAddress parse_chat_address(const std::string& url) {
  if (std::string_view(url).substr(0, kScheme.size()) != kScheme) refuse(url);
  const auto rest = std::string_view(url).substr(kScheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  auto authority = rest.substr(0, slash);
  auto path = rest.substr(slash);
  ChatAddress address;
  if (authority.substr(0, 1) == "[") {
    const auto close = authority.find(']');
    if (close == authority.npos) refuse(url);
    address.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    address.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  address.port = "80";
  if (!authority.empty()) {
    if (authority.front() != ':' || !is_port(authority.substr(1))) refuse(url);
    address.port = authority.substr(1);
  }
  if (!is_loopback_text(address.host) || !is_plain_path(path)) refuse(url);
  while (ends_with(path, "/")) path.remove_suffix(1);
  if (ends_with(path, kCompletions)) path.remove_suffix(kCompletions.size());
  address.base = path.empty() ? "/v1" : path;
  return address;
}

}  // namespace glm_image::rewrite
