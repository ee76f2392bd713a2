#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/output_error.h"
#include "core/prefix.h"
#include "core/suffix.h"

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

/// `error` is of errno; its text ends the message.
template <typename... Reason>
[[noreturn]] void refuse_for(int error,
                             const std::filesystem::path& path,
                             const Reason&... reason) {
  fail_output(error, path.string(), ": cannot be written: ", reason..., std::strerror(error));
}

void check_directory(const std::filesystem::path& path, const std::filesystem::path& directory) {
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0) {
    refuse_for(errno, path, "directory ", directory.string(), ": ");
  }
  if (!S_ISDIR(status.st_mode)) refuse(path, directory.string(), " is not a directory");
}

/// Throws if the path, with symbolic links followed, names something other than a regular file.
void check_kind(const std::filesystem::path& path) {
  if (!path.has_filename()) refuse(path, "it is a directory");
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    // A rename would replace a device with a regular file: for root, even /dev/null.
    if (!S_ISREG(status.st_mode)) {
      refuse(path, S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file");
    }
  } else if (errno != ENOENT) {
    refuse_for(errno, path);
  }
}

/// Resolves symbolic links in the last part of a path. Their target may be missing.
std::filesystem::path followed(const std::filesystem::path& path) {
  constexpr int kMaxLinks = 40;  // as the kernel
  auto target = path;
  for (int link = 0; link < kMaxLinks; ++link) {
    std::error_code error;
    const auto next = std::filesystem::read_symlink(target, error);
    if (error) return target;
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  refuse(path, std::strerror(ELOOP));
}

/// Whether a rename may create `target` in this directory or replace it. True if unknown: commit()
/// copies if the rename fails.
bool allows_rename(const std::filesystem::path& directory, const std::filesystem::path& target) {
  struct statx folder = {}, file = {};
  if (::statx(AT_FDCWD, directory.c_str(), 0, STATX_BASIC_STATS, &folder) != 0) return true;
  if ((folder.stx_attributes & (STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE)) != 0) return false;
  if (::statx(AT_FDCWD, target.c_str(), 0, STATX_BASIC_STATS, &file) != 0) return true;
  constexpr auto kFixed = STATX_ATTR_MOUNT_ROOT | STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE;
  if ((file.stx_attributes & kFixed) != 0) return false;
  // In a directory like /tmp only the owners may replace a file.
  const auto user = ::geteuid();
  return (folder.stx_mode & S_ISVTX) == 0 || user == 0 || user == file.stx_uid ||
         user == folder.stx_uid;
}

/// Returns 0, or the errno with which copying to the target would fail.
int writing_error(const std::filesystem::path& directory, const std::filesystem::path& target) {
  const FileDescriptor file(::open(target.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() >= 0) return 0;
  if (errno != ENOENT) return errno;
  return ::access(directory.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

/// Returns false, with errno set, on failure.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.empty()) fail(ErrorCode::kOutput, "the name of a file to write is empty");
  check_directory(path_, directory_of(path_));
  check_kind(path_);
  target_ = followed(path_);
  const auto directory = directory_of(target_);
  check_directory(path_, directory);
  can_rename_ = allows_rename(directory, target_);
  if (can_rename_) {
    if (create_temporary(directory, 0666)) return;
    const bool forbidden = errno == EACCES || errno == EPERM || errno == EROFS;
    if (!forbidden) fail_with_errno("a temporary file beside it cannot be created");
    can_rename_ = false;
  }
  const int error = writing_error(directory, target_);
  if (error != 0) {
    refuse_for(error, path_, "no new file can take its place, and it cannot be written in place: ");
  }
  std::error_code no_folder;
  const auto elsewhere = std::filesystem::temp_directory_path(no_folder);
  if (no_folder || !create_temporary(elsewhere, 0600)) {
    fail_with_errno("no temporary file can be created beside it or in the system's folder");
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool AtomicFile::create_temporary(const std::filesystem::path& directory, unsigned mode) {
  // mkstemp would ignore the umask and make the file private. The name is not derived from the
  // final one, which may already have the maximum length.
  for (int number = 0; number < kMaxTemporaryNames; ++number) {
    auto name = directory / concat(kPrefix, ::getpid(), "-", number, kEnding);
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor_ >= 0) {
      temporary_ = std::move(name);
      return true;
    }
    if (errno != EEXIST) break;
  }
  return false;
}

void AtomicFile::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) fail_with_errno("writing stopped");
}

void AtomicFile::copy_to_target() {
  const auto check = [this](bool done, const char* step) {
    if (done) return;
    const int error = errno;
    // Keep the temporary file: it may be the result of hours of work.
    const auto kept = std::exchange(temporary_, {});
    fail_output(error,
                path_.string(),
                ": cannot be written: ",
                step,
                ": ",
                std::strerror(error),
                "; its contents are in ",
                kept.string());
  };
  const FileDescriptor source(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
  check(source.number() >= 0, "its temporary file cannot be read");
  const FileDescriptor target(
      ::open(target_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  check(target.number() >= 0, "it can be neither renamed to nor written in place");
  std::string buffer(std::size_t{1} << 20, '\0');
  while (true) {
    const auto got = ::read(source.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    check(got >= 0, "its temporary file cannot be read");
    if (got == 0) break;
    const auto part = std::string_view(buffer).substr(0, static_cast<std::size_t>(got));
    check(write_all(target.number(), part), "writing in place stopped");
  }
  check(::fsync(target.number()) == 0, "it cannot be flushed to disk");
}

void AtomicFile::commit() {
  GLM_IMAGE_CHECK(descriptor_ >= 0, path_.string(), " was committed twice");
  if (::fsync(descriptor_) != 0) fail_with_errno("it cannot be flushed to disk");
  // Network file systems may report here that the disk is full.
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail_with_errno("it cannot be closed");
  if (!can_rename_ || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    copy_to_target();
    return;  // the destructor removes the temporary file
  }
  temporary_.clear();

  // The new name survives a power failure only once the directory is on disk. Errors are ignored:
  // the file is complete, and some file systems do not support this.
  const FileDescriptor directory(
      ::open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0) ::fsync(directory.number());
}

void AtomicFile::fail_with_errno(const char* step) const {
  refuse_for(errno, path_, step, ": ");
}

bool is_temporary_file(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name.size() > kPrefix.size() + kEnding.size() && starts_with(name, kPrefix) &&
         ends_with(name, kEnding);
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
