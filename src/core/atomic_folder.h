#pragma once

#include <filesystem>

namespace glm_image {

/// A folder that appears whole or not at all: its files are made in another folder beside it, which
/// then takes its name. Everything here throws kOutput.
class AtomicFolder {
 public:
  /// Makes the other folder, and the ones above it. What a killed process left there is removed.
  explicit AtomicFolder(const std::filesystem::path& output);
  /// Removes the other folder unless it took its place.
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// The folder to write into.
  const std::filesystem::path& path() const { return made_; }

  /// Gives it its name, as the last thing. A folder that has the name is replaced.
  void take_place();

  /// If a process was killed when it had moved the old folder away and the new one had not yet
  /// taken its place, gives the old one its name back.
  static void recover(const std::filesystem::path& output);

 private:
  std::filesystem::path output_, made_, old_;
};

/// Creates a folder and those above it. Throws kOutput.
void create_folder(const std::filesystem::path& folder);

}  // namespace glm_image
