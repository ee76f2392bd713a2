#include <sstream>

#include "cli/completions.h"
#include "core/joined.h"
#include "core/prefix.h"

namespace glm_image::cli {
namespace {

/// In single quotes.
std::string fish_quoted(const std::string& text) {
  std::string escaped = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') escaped += '\\';
    escaped += letter;
  }
  return escaped + "'";
}

/// The condition under which a command's options are offered: its words were typed, and none of its
/// sub-commands'.
std::string fish_condition(const CommandEntry& command) {
  std::string test;
  std::istringstream words(command.path);
  for (std::string word; words >> word;) {
    test += (test.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  }
  if (!command.subcommands.empty()) {
    test += (test.empty() ? "" : "; and ") + std::string("not __fish_seen_subcommand_from");
    for (const auto& name : command.subcommands) test += " " + name;
  }
  return test.empty() ? "" : " -n " + fish_quoted(test);
}

/// What completes a value.
std::string fish_arguments(const OptionEntry& option) {
  switch (option.kind) {
    case ValueKind::kNone:
      return "";
    case ValueKind::kChoice:
      return " -x -a " + fish_quoted(joined(option.choices, " "));
    case ValueKind::kFile:
      return " -r -F";
    case ValueKind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::kText:
      break;
  }
  return " -x";
}

void write_options(std::ostream& out, const CommandEntry& command) {
  for (const auto& option : command.options) {
    out << "complete -c glm-image" << fish_condition(command);
    for (const auto& name : option.names) {
      out << (starts_with(name, "--") ? " -l " + name.substr(2) : " -s " + name.substr(1));
    }
    out << fish_arguments(option) << " -d " << fish_quoted(option.description) << '\n';
  }
  for (const auto& positional : command.positionals) {
    out << "complete -c glm-image" << fish_condition(command);
    // A positional has no option to require a value of.
    out << (positional.kind == ValueKind::kFile ? " -F" : fish_arguments(positional)) << '\n';
  }
}

}  // namespace

std::string fish_completion(const std::vector<CommandEntry>& table) {
  std::ostringstream out;
  out << "# fish completion for glm-image; made by `glm-image reference`.\n"
      << "complete -c glm-image -f\n";
  for (const auto& command : table) {
    for (const auto& other : table) {
      for (const auto& name : command.subcommands) {
        if (other.path != command.path + (command.path.empty() ? "" : " ") + name) continue;
        out << "complete -c glm-image" << fish_condition(command) << " -a " << name << " -d "
            << fish_quoted(other.description) << '\n';
      }
    }
    write_options(out, command);
  }
  return out.str();
}

}  // namespace glm_image::cli
