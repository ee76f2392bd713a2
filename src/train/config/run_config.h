#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/config/keys.h"

namespace glm_image::train {

/// The config file of a run; train/config/stage_keys.h lists the keys.
struct RunConfig {
  std::string stage;            ///< its present name
  std::filesystem::path run;    ///< the run's folder
  std::filesystem::path data;   ///< folder of the data
  std::filesystem::path model;  ///< the model's configs, in the checkpoint's layout
  uint64_t seed = 0;
  /// A checkpoint that provides the initial weights; without it they are random.
  std::optional<std::filesystem::path> start;
  io::JsonFields fields;  ///< the whole file
  /// A sentence for each former name that the file uses. Copies share the list, which grows as the
  /// parts of a run read their keys.
  std::shared_ptr<std::vector<std::string>> warnings = std::make_shared<std::vector<std::string>>();

  /// Reads a config file. Relative paths start at its folder. Throws kCorruptFile naming the line,
  /// the key and the allowed values.
  static RunConfig load(const std::filesystem::path& file);
  /// The same for a config's text, as if it were in `file`.
  static RunConfig parse(const std::string& text, const std::filesystem::path& file);

  /// Throws kCorruptFile naming the line, the unknown key and the known ones. Call it after all
  /// known keys have been read.
  void refuse_unread() const;

  /// The object with the stage's name, which holds the stage's own keys; empty if it is absent.
  io::JsonFields stage_fields() const;

  /// Reads a table of keys from the top of the file, or from stage_fields.
  template <typename Keys>
  Keys read(Keys keys = {}) const {
    return read_from(fields, std::move(keys));
  }
  template <typename Keys>
  Keys read_stage(Keys keys = {}) const {
    return read_from(stage_fields(), std::move(keys));
  }

  /// A folder that one of the stage's own keys names. Relative paths start at the run's folder.
  std::filesystem::path in_run(const std::string& folder) const {
    return (run / folder).lexically_normal();
  }

 private:
  template <typename Keys>
  Keys read_from(const io::JsonFields& object, Keys keys) const {
    KeyReader reader(object, *warnings);
    keys.visit(reader);
    return keys;
  }
};

/// Adds the line number to the error's message if the error is about a key of the file.
Error with_line(const Error& error, const std::filesystem::path& file);

}  // namespace glm_image::train
