#include "core/atomic_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/file_descriptor.h"
#include "core/output_error.h"

namespace glm_image {
namespace {

namespace fs = std::filesystem;

/// Suffix of the folder that is being written.
constexpr const char* kPartial = ".partial";
/// Suffix of the folder that is being replaced.
constexpr const char* kOld = ".old";

/// `output/` and `output` are the same folder.
fs::path without_slash(const fs::path& folder) {
  return fs::absolute(folder / "").lexically_normal().parent_path();
}

fs::path beside(fs::path folder, const char* ending) {
  return folder += ending;
}

void check_renamed(const std::error_code& error, const fs::path& from, const fs::path& to) {
  if (error) {
    fail_output(
        error.value(), "cannot rename ", from.string(), " to ", to.string(), ": ", error.message());
  }
}

void sync_to_disk(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() >= 0 && ::fsync(file.number()) == 0) return;
  // Some file systems cannot do this for folders.
  if (file.number() >= 0 && errno == EINVAL) return;
  fail_output(errno, path.string(), ": cannot be flushed to disk: ", std::strerror(errno));
}

/// A power cut must not leave a folder with the new name and without its contents.
void sync_tree(const fs::path& folder) {
  std::error_code error;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator it(folder, error); !error && it != end;
       it.increment(error)) {
    const auto kind = it->symlink_status(error).type();
    if (kind == fs::file_type::regular || kind == fs::file_type::directory) {
      sync_to_disk(it->path());
    }
  }
  if (error) fail(ErrorCode::kOutput, folder.string(), ": cannot be read: ", error.message());
  sync_to_disk(folder);
}

/// Returns false where the system or the file system cannot do this.
bool exchange_names(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& output)
    : output_(without_slash(output)),
      made_(beside(output_, kPartial)),
      old_(beside(output_, kOld)) {
  std::error_code error;
  fs::remove_all(made_, error);
  create_folder(made_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code error;
  fs::remove_all(made_, error);
}

void AtomicFolder::take_place() {
  sync_tree(made_);
  std::error_code error;
  if (!fs::exists(output_, error)) {
    fs::rename(made_, output_, error);
    check_renamed(error, made_, output_);
  } else if (!exchange_names(made_, output_)) {
    replace_in_two_steps();
  }
  sync_to_disk(output_.parent_path());
  // After an exchange, this is the old folder.
  fs::remove_all(made_, error);
  // From two renames, or left by a killed process.
  fs::remove_all(old_, error);
}

void AtomicFolder::replace_in_two_steps() {
  std::error_code error;
  fs::remove_all(old_, error);
  fs::rename(output_, old_, error);
  check_renamed(error, output_, old_);
  fs::rename(made_, output_, error);
  if (error) {
    std::error_code ignored;
    fs::rename(old_, output_, ignored);
  }
  check_renamed(error, made_, output_);
}

void AtomicFolder::recover(const fs::path& output) {
  const auto folder = without_slash(output);
  std::error_code error;
  if (!fs::exists(folder, error)) fs::rename(beside(folder, kOld), folder, error);
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return;
  fail_output(error.value(), "cannot create ", folder.string(), ": ", error.message());
}

}  // namespace glm_image
