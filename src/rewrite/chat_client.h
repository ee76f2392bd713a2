#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "rewrite/chat_address.h"

namespace glm_image::rewrite {

/// Bounds of a question to the chat server.
struct ChatLimits {
  std::chrono::milliseconds connect{5000};
  /// Until the whole answer: a language model on a CPU may take minutes.
  std::chrono::milliseconds answer{180000};
  std::size_t max_bytes = std::size_t{1} << 20;  ///< of an answer
};

/// Asks the chat server's first model. Returns its answer, without the reasoning in <think> that
/// some models put before it. `goes_on` is called ten times a second and returns false to stop.
/// Throws kNotFound if the server cannot be reached or does not answer in time, kCorruptFile for
/// anything but a chat server's answer, kCancelled.
std::string ask_chat_server(const ChatAddress& address,
                            const std::string& instructions,
                            const std::string& question,
                            const std::function<bool()>& goes_on,
                            const ChatLimits& limits = {});

}  // namespace glm_image::rewrite
