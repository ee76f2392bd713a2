#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cluster/socket.h"

namespace glm_image::cluster {

/// A message between ranks, other than tensors: a JSON object with the field "type", and bytes.
///
/// On the wire: the length of the JSON text and of the bytes, 8 bytes each, little-endian, then
/// both.
struct Message {
  nlohmann::json head;
  std::string body;

  Message() = default;
  explicit Message(const std::string& type, nlohmann::json fields = nlohmann::json::object());
  std::string type() const;
};

struct MessageLimits {
  uint64_t head = uint64_t{64} << 20;
  uint64_t body = uint64_t{4} << 30;
};
/// Limits for peers that have not proved the key yet.
inline constexpr MessageLimits kStrangerLimits{16 << 10, 0};

/// Throws as Socket::send does.
void send_message(const Socket& socket, const Message& message, std::chrono::milliseconds limit);
/// Throws as Socket::receive does, and kInternal for an invalid message or one over these limits.
Message receive_message(const Socket& socket,
                        std::chrono::milliseconds limit,
                        const MessageLimits& limits,
                        const std::function<void()>& on_bytes = {});

}  // namespace glm_image::cluster
