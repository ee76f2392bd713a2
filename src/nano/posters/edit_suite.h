#pragma once

#include "io/json_file.h"
#include "nano/posters/edits.h"

namespace glm_image::posters {

/// A held-out edit. Its pictures have width×height pixels.
struct EditPrompt {
  std::string id;  ///< kind and number: "change_text-01"
  int64_t width = 256, height = 256;
  Edit edit;
};

/// The edits that a model is evaluated on.
struct EditSuite {
  std::string name;
  std::vector<EditPrompt> prompts;

  /// Whether a file is such a suite and not one of posters (suite.h).
  static bool is_one(const std::filesystem::path& file);
  /// A file such as data/suites/edits.json. Throws kCorruptFile for bad data.
  static EditSuite load(const std::filesystem::path& file);
  io::Json to_json() const;
};

/// Generates a suite of `per_kind` edits of each kind from the evaluation split.
EditSuite make_edit_suite(const PosterSource& source,
                          const std::string& name,
                          uint64_t seed,
                          int64_t per_kind);

}  // namespace glm_image::posters
