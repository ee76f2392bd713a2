#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "io/json_file.h"

namespace glm_image::train {

/// What the config file of every stage holds (docs/training.md lists the keys).
struct RunConfig {
  std::string stage;
  std::filesystem::path run;    ///< folder of the run
  std::filesystem::path data;   ///< folder of the posters' data
  std::filesystem::path model;  ///< the model's configs, in the checkpoint's layout
  uint64_t seed = 0;
  /// A checkpoint whose weights the run starts from; random ones without.
  std::optional<std::filesystem::path> start;
  io::JsonFields fields;  ///< for the stage's own keys, under the stage's name

  /// Relative paths start at the config file's folder. Throws kCorruptFile naming the line, the
  /// key and what is allowed.
  static RunConfig load(const std::filesystem::path& file);

  /// Call it when all keys that are known have been read. Throws kCorruptFile naming the line, the
  /// key that is not known and those that are.
  void refuse_unread() const;

  /// The folder that one of the stage's own keys names; a relative one starts at the run's folder.
  std::filesystem::path folder(const std::string& key) const;
};

/// The error with the number of the line that holds the key it names, where it names one.
Error with_line(const Error& error, const std::filesystem::path& file);

}  // namespace glm_image::train
