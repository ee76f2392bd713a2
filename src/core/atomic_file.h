#pragma once

#include <filesystem>
#include <string_view>

namespace glm_image {

/// Writes a file atomically: under a temporary name in the same directory, which commit() flushes
/// to disk and renames. Until commit() an existing file keeps its contents; without commit()
/// nothing is left behind.
///
/// Where a rename cannot replace the file (a file that is a mount point, or one in a directory that
/// allows no new files or no renaming), commit() copies the bytes into it instead.
///
/// A symbolic link at `path` is followed: its target is written, and created if it is missing.
/// All functions throw kOutput, naming the path and the reason; an OutputFailure
/// (core/output_error.h) for a full disk.
class AtomicFile {
 public:
  /// Creates the temporary file. Throws for a path that commit() could not write: one whose
  /// directory is missing, one that can be neither replaced nor written, and one that names a
  /// directory, a device or a pipe.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Call once, after all writes. If the bytes cannot be copied to the target, the complete
  /// temporary file is kept and the message names it.
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

/// Whether `path` has the name of an AtomicFile's temporary file: one that is being written, or
/// that a killed process left behind.
bool is_temporary_file(const std::filesystem::path& path);

/// Writes a whole file as an AtomicFile.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Throws if a file could not be written at `path`; for use before long work. Leaves nothing behind
/// and does not change an existing file.
void check_writable(const std::filesystem::path& path);

}  // namespace glm_image
