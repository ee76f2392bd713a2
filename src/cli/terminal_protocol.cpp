#include "cli/terminal_protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string_view>

#include "core/file_descriptor.h"
#include "core/prefix.h"

namespace glm_image::cli {
namespace {

constexpr std::string_view kAskAttributes = "\x1b[c";
constexpr std::string_view kAnswerStart = "\x1b[?";
constexpr int kAnswerMilliseconds = 300;

/// Passes keys on at once and unseen while it lives.
class RawTerminal {
 public:
  explicit RawTerminal(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal, &before_) != 0) return;
    auto raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    is_raw_ = ::tcsetattr(terminal, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (is_raw_) ::tcsetattr(terminal_, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool is_raw() const { return is_raw_; }

 private:
  int terminal_;
  termios before_ = {};
  bool is_raw_ = false;
};

}  // namespace

std::optional<PictureProtocol> protocol_from_environment(const Variables& variables) {
  const auto value = [&](const char* name) {
    const char* found = variables(name);
    return std::string_view(found == nullptr ? "" : found);
  };
  const auto term = value("TERM"), program = value("TERM_PROGRAM");
  if (term.empty() || term == "dumb" || term == "linux") return PictureProtocol::kNone;
  // The outer terminal's variables do not say what a multiplexer passes on.
  if (!value("TMUX").empty() || !value("STY").empty() || starts_with(term, "tmux") ||
      starts_with(term, "screen")) {
    return std::nullopt;
  }
  if (term == "xterm-kitty" || term == "xterm-ghostty" || program == "ghostty" ||
      !value("KITTY_WINDOW_ID").empty()) {
    return PictureProtocol::kKitty;
  }
  if (program == "iTerm.app" || program == "WezTerm" || program == "mintty" ||
      value("LC_TERMINAL") == "iTerm2") {
    return PictureProtocol::kIterm;
  }
  // From 22.04 on.
  constexpr int kKonsoleWithPictures = 220400;
  const auto konsole = std::string(value("KONSOLE_VERSION"));
  if (std::atoi(konsole.c_str()) >= kKonsoleWithPictures) return PictureProtocol::kKitty;
  return std::nullopt;
}

bool answer_has_sixel(const std::string& answer) {
  const auto begin = answer.rfind(kAnswerStart);
  if (begin == std::string::npos) return false;
  const auto end = answer.find('c', begin);
  if (end == std::string::npos) return false;
  // Between other attributes: ";4;".
  const auto first = begin + kAnswerStart.size();
  const auto attributes = ";" + answer.substr(first, end - first) + ";";
  return attributes.find(";4;") != std::string::npos;
}

std::string ask_terminal(int terminal, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const RawTerminal raw(terminal);
  if (!raw.is_raw()) return "";
  if (::write(terminal, kAskAttributes.data(), kAskAttributes.size()) !=
      static_cast<ssize_t>(kAskAttributes.size())) {
    return "";
  }
  std::string answer;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting = {terminal, POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return answer;
    char bytes[64];
    const auto count = ::read(terminal, bytes, sizeof bytes);
    if (count <= 0) return answer;
    answer.append(bytes, static_cast<std::size_t>(count));
    const auto begin = answer.rfind(kAnswerStart);
    if (begin != std::string::npos && answer.find('c', begin) != std::string::npos) return answer;
  }
}

PictureProtocol terminal_protocol() {
  if (::isatty(STDERR_FILENO) == 0) return PictureProtocol::kNone;
  const auto told = protocol_from_environment([](const char* name) { return std::getenv(name); });
  if (told) return *told;
  const FileDescriptor terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  // In the background a change of the terminal's settings would stop the program.
  if (terminal.number() < 0 || ::tcgetpgrp(terminal.number()) != ::getpgrp()) {
    return PictureProtocol::kNone;
  }
  return answer_has_sixel(ask_terminal(terminal.number(), kAnswerMilliseconds))
             ? PictureProtocol::kSixel
             : PictureProtocol::kNone;
}

}  // namespace glm_image::cli
