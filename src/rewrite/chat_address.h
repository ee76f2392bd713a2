#pragma once

#include <string>

namespace glm_image::rewrite {

/// An OpenAI-compatible chat server on this machine.
struct ChatAddress {
  std::string host;  ///< "localhost", "127.0.0.1" or "::1"
  std::string port;
  std::string base;  ///< path before "/chat/completions": "/v1"

  /// "http://127.0.0.1:8081/v1"
  std::string text() const;
};

/// Parses "http://127.0.0.1:8081", with or without "/v1" or "/v1/chat/completions" behind it.
/// Throws kInvalidInput, naming the option --rewrite, for other schemes, for hosts that are not
/// this machine, and for user names, queries and fragments.
ChatAddress parse_chat_address(const std::string& url);

}  // namespace glm_image::rewrite
