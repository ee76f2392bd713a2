#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::train {

inline constexpr int64_t kMaxRepeats = 1000;

/// A picture of a folder and its caption, as written; the picture is not read yet.
struct CaptionRow {
  std::string file;  ///< relative to the folder
  std::string caption;
  std::vector<std::string> references;  ///< relative to the folder
  int64_t repeats = 1;                  ///< how often an epoch shows it
  std::string source;                   ///< "metadata.jsonl, line 7", or the picture's name
};

struct CaptionRows {
  std::vector<CaptionRow> rows;
  /// One sentence for each row or picture that cannot be used: where, and why.
  std::vector<std::string> refused;
  /// One sentence for each caption that is used but may be a mistake.
  std::vector<std::string> warnings;
};

/// Reads the captions of a folder of pictures from the first of these that exists:
///  - metadata.jsonl: in each line an object with the strings `file_name` and `text`, and
///    optionally `reference` (a string or a list of strings) and `repeats` (an integer);
///  - metadata.csv: the same as columns, with one reference;
///  - name.txt beside each PNG, JPEG or WebP file, in the order of their names, or the prompt in
///    the file's own metadata if this program drew it from a prompt alone. Pictures of other
///    formats and folders with pictures are refused.
/// Other fields and columns are ignored. Captions with control characters other than line breaks
/// and tabs are refused. Throws kNotFound if there is no such folder, kInvalidInput
/// for both metadata files or one that is not a regular file, kCorruptFile for a CSV file that
/// cannot be split into rows or whose columns are wrong.
CaptionRows read_caption_rows(const std::filesystem::path& folder);

}  // namespace glm_image::train
