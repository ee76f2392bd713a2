#pragma once

#include <filesystem>
#include <string_view>

namespace glm_image {

/// A file that appears whole or not at all: it is written under a temporary name in the same
/// directory, brought to disk, and renamed. Until commit() a file that was there before keeps its
/// contents; without commit() nothing is left behind.
///
/// Where a rename cannot replace the file (a file that is a mount point, or one in a directory that
/// allows no new files or no renaming), commit() copies the bytes into it instead.
///
/// A symbolic link at `path` is followed: its target is written, and created if it is missing.
/// Everything here throws kOutput, naming the path and the reason.
class AtomicFile {
 public:
  /// Creates the temporary file. Refuses a path that could not be written in the end: one whose
  /// directory is missing, one that can be neither replaced nor written, and one that names a
  /// directory, a device or a pipe.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// May be called once, as the last thing. If it fails, the complete temporary file stays, and the
  /// message names it.
  void commit();

 private:
  bool create_temporary(const std::filesystem::path& directory, unsigned mode);
  void copy_to_target();
  [[noreturn]] void fail_with_errno(const char* step) const;

  std::filesystem::path path_;    // as given, for messages
  std::filesystem::path target_;  // without symbolic links in its last part
  std::filesystem::path temporary_;
  bool can_rename_ = true;
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
