#include "image/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace glm_image::image {
std::string read_file_bytes(const std::filesystem::path& path, int64_t max_bytes) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) {
    fail(ErrorCode::kNotFound, path.string(), ": cannot be opened: ", std::strerror(errno));
  }
  struct stat status = {};
  if (::fstat(file.number(), &status) != 0) {
    fail(ErrorCode::kNotFound, path.string(), ": cannot be read: ", std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::kInvalidInput,
         path.string(),
         S_ISDIR(status.st_mode) ? ": is a directory, not a picture" : ": is not a regular file");
  }
  if (status.st_size > max_bytes) {
    fail(ErrorCode::kInvalidInput,
         path.string(),
         ": has ",
         status.st_size,
         " bytes; the maximum for a picture file is ",
         max_bytes);
  }
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = ::read(file.number(), &bytes[filled], bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      fail(ErrorCode::kNotFound, path.string(), ": cannot be read: ", std::strerror(errno));
    }
    if (got == 0) break;  // the file was truncated in the meantime; the decoder reports it
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace glm_image::image
