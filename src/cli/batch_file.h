#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "glm_image/error.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// The limits of a file of requests.
inline constexpr int64_t kMaxBatchBytes = int64_t{256} << 20;

/// One request of a batch: a line of its file.
struct BatchLine {
  int64_t number = 0;  ///< in the file, from 1
  std::string place;   ///< what messages begin with: "posters.jsonl:3"
  /// As written, without the pictures to start from, which take much memory: read_references.
  Request request;
  bool has_seed = false;
  std::vector<std::filesystem::path> references;
  /// Pixels of the files where they are not the drawn ones; 0 for as drawn.
  int64_t file_width = 0, file_height = 0;
  std::string drawn_by;  ///< model of the picture whose parameters the line has; empty for none
  /// Begins the names of its pictures: the field `name`, or the line's number.
  std::string name;
  /// A hash of all fields of the line and of the bytes of its references.
  uint64_t hash = 0;
  /// Ten hexadecimal digits, which depend on the hash and on the model's name: fingerprint_of.
  std::string fingerprint;
};

/// A line of a batch that cannot be used.
struct BatchFault {
  int64_t number = 0;  ///< in the file, from 1
  Error error;         ///< its source is the line's place, or begins with it
};

struct BatchFile {
  std::string name;  ///< for messages
  std::vector<BatchLine> lines;
  std::vector<BatchFault> faults;  ///< in the order of their lines
};

/// Returns an error of the line at `place` whose message names the line, once.
Error error_of_line(const Error& error, const std::string& place);

/// Reads a file of JSON objects, one per line; empty lines are skipped. "-" is standard input. The
/// fields are those of a picture's parameters (pipeline/recipe), and `references` (paths of
/// pictures to start from, relative to the file's folder), `count`, `size`, `speed`, `verify`,
/// `best_of`, `loras` (as `adapters`) and `name`. The program's version in a picture's parameters
/// is ignored. A line that is wrong, or whose references cannot be read, becomes a fault. Throws as
/// io::read_text_input does, and kInvalidInput for a file without lines.
BatchFile read_batch_file(const std::string& path);

/// The fingerprint of a line that the model of this name draws.
std::string fingerprint_of(const BatchLine& line, const std::string& model);

/// Decodes the pictures that a line starts from. Adds what was noticed about them to `warnings`.
std::vector<Image> read_references(const BatchLine& line, std::vector<std::string>& warnings);

}  // namespace glm_image::cli
