#include "cluster/message.h"

#include <array>

#include "core/error.h"
#include "io/json_file.h"
#include "io/json_text.h"

namespace glm_image::cluster {
namespace {

constexpr std::size_t kLengthBytes = 16;

void put_length(uint64_t length, unsigned char* bytes) {
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(length >> (8 * i));
}

uint64_t length_at(const unsigned char* bytes) {
  uint64_t length = 0;
  for (int i = 0; i < 8; ++i) length |= uint64_t{bytes[i]} << (8 * i);
  return length;
}

}  // namespace

Message::Message(const std::string& type, nlohmann::json fields) : head(std::move(fields)) {
  head["type"] = type;
}

std::string Message::type() const {
  const auto found = head.find("type");
  return found != head.end() && found->is_string() ? found->get<std::string>() : "";
}

void send_message(const Socket& socket, const Message& message, std::chrono::milliseconds limit) {
  const auto head = io::json_text(message.head);
  std::array<unsigned char, kLengthBytes> lengths{};
  put_length(head.size(), lengths.data());
  put_length(message.body.size(), lengths.data() + 8);
  // One packet for a small message.
  std::string start(lengths.begin(), lengths.end());
  start += head;
  socket.send(start.data(), start.size(), limit);
  socket.send(message.body.data(), message.body.size(), limit);
}

Message receive_message(const Socket& socket,
                        std::chrono::milliseconds limit,
                        const MessageLimits& limits,
                        const std::function<void()>& on_bytes) {
  std::array<unsigned char, kLengthBytes> lengths{};
  socket.receive(lengths.data(), lengths.size(), limit, on_bytes);
  const auto head_size = length_at(lengths.data());
  const auto body_size = length_at(lengths.data() + 8);
  if (head_size > limits.head || body_size > limits.body) {
    fail(ErrorCode::kInternal, "it sent what is no message of glm-image");
  }
  std::string head(head_size, '\0');
  socket.receive(head.data(), head.size(), limit, on_bytes);
  Message message;
  message.head = io::parse_json(head, "a message");
  if (!message.head.is_object()) {
    fail(ErrorCode::kInternal, "it sent what is no message of glm-image");
  }
  message.body.resize(body_size);
  socket.receive(message.body.data(), message.body.size(), limit, on_bytes);
  return message;
}

}  // namespace glm_image::cluster
