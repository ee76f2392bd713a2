#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "train/config/keys.h"

namespace glm_image::cli {

/// Adds --size and --trigger, which `data check` and `train lora` share.
void add_picture_options(CLI::App& command, int64_t& size, std::string& trigger);

/// Adds an option for each key of a table that has none yet: "--learning-rate" for "learning_rate".
/// The options set the table's variables, which must outlive the command.
class KeyOptions : public train::KeyVisitor {
 public:
  explicit KeyOptions(CLI::App& command) : command_(command) {}

  void number(const train::Key& key, double& value, double least, double most) override;
  void integer(const train::Key& key, int64_t& value, int64_t least, int64_t most) override;
  void flag(const train::Key& key, bool& value) override;
  void text(const train::Key& key, std::string& value, const char* type) override;
  void choice(const train::Key& key,
              std::string& value,
              const std::vector<std::string>& choices) override;
  void texts(const train::Key& key,
             std::vector<std::string>& values,
             const char* type,
             const std::vector<std::string>& choices) override;
  /// There is no option for such a key.
  void other(const train::Key& key,
             const char* type,
             const std::function<void(const io::JsonFields& fields)>& read) override;

 private:
  bool exists(const train::Key& key) const;

  CLI::App& command_;
};

/// Sets those variables of a table whose options were given on the command line. They override what
/// a config file set before.
class GivenOptions : public train::KeyVisitor {
 public:
  explicit GivenOptions(const CLI::App& command) : command_(command) {}

  void number(const train::Key& key, double& value, double least, double most) override;
  void integer(const train::Key& key, int64_t& value, int64_t least, int64_t most) override;
  void flag(const train::Key& key, bool& value) override;
  void text(const train::Key& key, std::string& value, const char* type) override;
  void choice(const train::Key& key,
              std::string& value,
              const std::vector<std::string>& choices) override;
  void texts(const train::Key& key,
             std::vector<std::string>& values,
             const char* type,
             const std::vector<std::string>& choices) override;
  void other(const train::Key& key,
             const char* type,
             const std::function<void(const io::JsonFields& fields)>& read) override;

 private:
  template <typename Value>
  void take(const train::Key& key, Value& value) const;

  const CLI::App& command_;
};

}  // namespace glm_image::cli
