#pragma once

#include <filesystem>
#include <string_view>

namespace glm_image {

/// A file that appears whole or not at all: it is written under a temporary name in the same
/// directory, brought to disk, and renamed. Until commit() a file that was there before keeps its
/// contents; without commit() nothing is left behind.
///
/// A symbolic link at `path` is replaced, not followed. Everything here throws kOutput, naming the
/// path and the reason.
class AtomicFile {
 public:
  /// Creates the temporary file. Refuses a path whose directory is missing or cannot be written,
  /// and one that names a directory, a device or a pipe.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// May be called once, as the last thing.
  void commit();

 private:
  [[noreturn]] void fail_with_errno(const char* step) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Whether this is a file that a process left behind which was killed while it wrote one, or that
/// is being written.
bool is_temporary_file(const std::filesystem::path& path);

/// AtomicFile, write, commit.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Finds out before long work that a result could not be written at `path`. Leaves nothing behind,
/// and a file that is already there alone.
void check_writable(const std::filesystem::path& path);

}  // namespace glm_image
