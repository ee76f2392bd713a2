#pragma once

#include <functional>
#include <optional>
#include <string>

namespace glm_image::cli {

/// The protocols by which terminals show pictures.
enum class PictureProtocol { kNone, kKitty, kIterm, kSixel };

/// Returns an environment variable, or nullptr.
using Variables = std::function<const char*(const char*)>;

/// Returns the protocol that the environment's variables determine; nothing if the terminal must
/// be queried, for example because of a multiplexer.
std::optional<PictureProtocol> protocol_from_environment(const Variables& variables);

/// Whether an answer to a request for primary device attributes (DA1), such as "\x1b[?62;4;22c",
/// contains sixel graphics.
bool answer_has_sixel(const std::string& answer);

/// Sends DA1 to a terminal and returns the part of the answer that arrives within `milliseconds`.
/// Discards keys that were typed before. `terminal` is a non-blocking descriptor for reading and
/// writing.
std::string ask_terminal(int terminal, int milliseconds);

/// The picture protocol of the terminal on standard error; kNone if standard error is no terminal
/// or shows no pictures. If the environment does not decide it and the program is in the
/// foreground, queries the terminal for a fraction of a second.
PictureProtocol terminal_protocol();

}  // namespace glm_image::cli
