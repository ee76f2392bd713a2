#include "io/text_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/prefix.h"

namespace glm_image::io {
namespace {

/// Owns the descriptor of a file or of standard input, which it does not close.
class InputDescriptor {
 public:
  explicit InputDescriptor(const std::string& path)
      : descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~InputDescriptor() {
    if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
  }
  InputDescriptor(const InputDescriptor&) = delete;
  InputDescriptor& operator=(const InputDescriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

void decode_line_ends(std::string& text) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_return = text[i] == '\r';
    if (is_return && i + 1 < text.size() && text[i + 1] == '\n') continue;
    text[end++] = is_return ? '\n' : text[i];
  }
  text.resize(end);
}

}  // namespace

std::string read_text_input(const std::string& path, int64_t max_bytes) {
  const std::string name = path == "-" ? "standard input" : path;
  const InputDescriptor input(path);
  if (input.get() < 0) {
    fail_at(ErrorCode::kNotFound, {name}, " cannot be opened: ", std::strerror(errno));
  }
  std::string text;
  const auto limit = static_cast<std::size_t>(max_bytes) + 1;
  char block[1 << 14];
  while (text.size() < limit) {
    const auto wanted = std::min(sizeof block, limit - text.size());
    const auto count = ::read(input.get(), block, wanted);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      fail_at(ErrorCode::kInvalidInput, {name}, " cannot be read: ", std::strerror(errno));
    }
    text.append(block, static_cast<std::size_t>(count));
  }
  if (text.size() == limit) {
    fail_at(ErrorCode::kInvalidInput, {name}, " holds more than the ", max_bytes, " bytes allowed");
  }
  if (starts_with(text, "\xFF\xFE") || starts_with(text, "\xFE\xFF") ||
      starts_with(text, {"\0\0\xFE\xFF", 4})) {
    fail_at(ErrorCode::kInvalidInput, {name}, " is UTF-16 or UTF-32 text; save it as UTF-8");
  }
  if (starts_with(text, "\xEF\xBB\xBF")) text.erase(0, 3);
  decode_line_ends(text);
  return text;
}

bool is_stream(const std::string& path) {
  if (path == "-") return true;
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

}  // namespace glm_image::io
