#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/error.h"

namespace glm_image {
namespace {

constexpr int kMaxTemporaryNames = 10000;
constexpr std::string_view kPrefix = ".glm-image-", kEnding = ".tmp";

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

template <typename... Reason>
[[noreturn]] void refuse(const std::filesystem::path& path, const Reason&... reason) {
  fail(ErrorCode::kOutput, path.string(), ": cannot be written: ", reason...);
}

void check_target(const std::filesystem::path& path) {
  if (path.empty()) fail(ErrorCode::kOutput, "the name of a file to write is empty");
  const auto directory = directory_of(path);
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0) {
    refuse(path, "directory ", directory.string(), ": ", std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) refuse(path, directory.string(), " is not a directory");
  if (!path.has_filename()) refuse(path, "it is a directory");

  if (::stat(path.c_str(), &status) == 0) {
    // A rename would put a regular file in the place of a device: as root, even of /dev/null.
    if (!S_ISREG(status.st_mode)) {
      refuse(path, S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file");
    }
  } else if (errno != ENOENT) {
    refuse(path, std::strerror(errno));
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  check_target(path_);
  const auto directory = directory_of(path_);
  // Not mkstemp, whose files are their owner's alone whatever the umask says. And the name is not
  // made from the final one, which may already be as long as names may be.
  for (int number = 0; number < kMaxTemporaryNames; ++number) {
    temporary_ = directory / concat(kPrefix, ::getpid(), "-", number, kEnding);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST) break;
  }
  fail_with_errno("a temporary file beside it cannot be created");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with_errno("writing stopped");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  GLM_IMAGE_CHECK(descriptor_ >= 0, path_.string(), " was committed twice");
  if (::fsync(descriptor_) != 0) fail_with_errno("it cannot be brought to disk");
  // Network file systems may report here that the disk is full.
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail_with_errno("it cannot be closed");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("it cannot be renamed");
  temporary_.clear();

  // The new name survives a power cut only once the directory is on disk, too. The file is complete
  // by now, and some file systems refuse this: no error.
  const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
}

void AtomicFile::fail_with_errno(const char* step) const {
  const int error = errno;
  refuse(path_, step, ": ", std::strerror(error));
}

bool is_temporary_file(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name.size() > kPrefix.size() + kEnding.size() && name.rfind(kPrefix, 0) == 0 &&
         name.compare(name.size() - kEnding.size(), kEnding.size(), kEnding) == 0;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void check_writable(const std::filesystem::path& path) {
  const AtomicFile probe(path);
}

}  // namespace glm_image
