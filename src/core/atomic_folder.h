#pragma once

#include <filesystem>

namespace glm_image {

/// A folder that appears complete or not at all: its files are written to a temporary folder beside
/// it, which is then renamed. A folder that it replaces exists until then, if the file system can
/// exchange two names in one call. All functions throw kOutput, an
/// OutputFailure (core/output_error.h) for a full disk.
class AtomicFolder {
 public:
  /// Creates the temporary folder and its parents. Removes what a killed process left there.
  explicit AtomicFolder(const std::filesystem::path& output);
  /// Removes the temporary folder unless take_place() succeeded.
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// The folder to write into.
  const std::filesystem::path& path() const { return made_; }

  /// Writes all files to disk, then renames the temporary folder, replacing and removing an
  /// existing one. Call once, after writing all files.
  void take_place();

  /// Restores the old folder if a process was killed in take_place() after moving the old folder
  /// away and before renaming the new one. Needed only where names cannot be exchanged.
  static void recover(const std::filesystem::path& output);

 private:
  void replace_in_two_steps();

  std::filesystem::path output_, made_, old_;
};

/// Creates a folder and those above it. Throws kOutput.
void create_folder(const std::filesystem::path& folder);

}  // namespace glm_image
