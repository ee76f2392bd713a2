#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/batch_file.h"

namespace glm_image::cli {

/// The folder of a batch's pictures. The name of a picture ends in a fingerprint of its request:
/// NAME-FINGERPRINT.png, or NAME-FINGERPRINT-2.png for the second of several. A request is done if
/// its files exist, in whatever line it is. A changed request has other files.
class BatchFolder {
 public:
  /// Creates the folder if it does not exist. `extension` begins with a dot. Throws kOutput.
  BatchFolder(std::filesystem::path folder, std::string extension);

  /// The files of a line's pictures, in order. Their names begin as those that exist already.
  std::vector<std::filesystem::path> files_of(const BatchLine& line) const;
  /// Whether all of these files exist.
  bool is_done(const BatchLine& line) const;

  const std::filesystem::path& path() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::string extension_;
  std::set<std::string> found_;               // names of the files there
  std::map<std::string, std::string> stems_;  // of these, by fingerprint
};

/// Writes small copies of the pictures, each with the number of its line, as contact-sheet.jpg, or
/// contact-sheet-1.jpg, … for many. Returns the sheets. A picture that cannot be read is left out.
std::vector<std::filesystem::path> write_contact_sheets(
    const std::filesystem::path& folder,
    const std::vector<std::pair<int64_t, std::filesystem::path>>& pictures);

}  // namespace glm_image::cli
