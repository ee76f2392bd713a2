#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// The commands and options of the program as plain data, for its manual pages and completions.
namespace glm_image::cli {

/// The kind of value that follows an option.
enum class ValueKind {
  kNone,  ///< a flag
  kText,
  kChoice,  ///< one of OptionEntry::choices
  kFile,
  kFolder,
};

struct OptionEntry {
  std::vector<std::string> names;  ///< "--output", "-o"; of a positional its name alone
  ValueKind kind = ValueKind::kNone;
  std::string value;  ///< placeholder in the help, such as "FILE"; empty for a flag
  std::vector<std::string> choices;
  std::string description;
  std::string default_value;  ///< empty if the help states none
  bool is_required = false;
};

struct CommandEntry {
  std::string path;  ///< "" for the program, "generate", "train lora"
  std::string description;
  std::string footer;
  std::vector<OptionEntry> options;
  std::vector<OptionEntry> positionals;
  std::vector<std::string> subcommands;  ///< their last words
};

/// The program first, then all commands in the order of --help, each before its sub-commands.
/// Leaves out what the help does not show.
std::vector<CommandEntry> command_table(const CLI::App& app);

/// "glm-image", or "glm-image-train-lora": the name of a command's manual page.
std::string page_name(const CommandEntry& command);

}  // namespace glm_image::cli
