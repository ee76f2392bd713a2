#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glm_image {

/// Writes a file under a temporary name in the same folder; commit() gives it its name. Until then,
/// and after any failure, nothing stands at `path` that was not there before.
class AtomicFile {
 public:
  /// Throws kOutput naming the path and the reason when the folder cannot be written to.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws kOutput.
  void write(std::string_view bytes);
  /// Flushes to the disk and renames. Throws kOutput.
  void commit();

 private:
  [[noreturn]] void fail_with(int error_number) const;

  std::filesystem::path path_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// AtomicFile, write, commit.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Throws kOutput, naming the path and the reason, when write_file_atomically could not write
/// there: to be asked before long work. Leaves nothing behind.
void check_writable(const std::filesystem::path& path);

}  // namespace glm_image
