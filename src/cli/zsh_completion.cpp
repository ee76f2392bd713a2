#include <sstream>

#include "cli/completions.h"
#include "core/joined.h"

namespace glm_image::cli {
namespace {

/// In single quotes, for a specification of _arguments: brackets, colons and backslashes have a
/// meaning there.
std::string specification_text(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

/// ":message:action" for the value of an option or a positional.
std::string zsh_action(const OptionEntry& option) {
  const auto message = ":" + specification_text(option.value.empty() ? "value" : option.value);
  switch (option.kind) {
    case ValueKind::kNone:
      return "";
    case ValueKind::kChoice:
      return ":" + specification_text(option.names.front()) + ":(" + joined(option.choices, " ") +
             ")";
    case ValueKind::kFile:
      return message + ":_files";
    case ValueKind::kFolder:
      return message + ":_files -/";
    case ValueKind::kText:
      break;
  }
  return message + ": ";
}

std::string zsh_function(const CommandEntry& command) {
  std::string name = "_glm_image";
  if (!command.path.empty()) name += "_" + command.path;
  for (auto& letter : name) {
    if (letter == ' ' || letter == '-') letter = '_';
  }
  return name;
}

void write_function(std::ostream& out,
                    const CommandEntry& command,
                    const std::vector<CommandEntry>& table) {
  out << zsh_function(command) << "() {\n";
  if (!command.subcommands.empty()) out << "  local line state\n";
  out << "  _arguments -s" << (command.subcommands.empty() ? "" : " -C");
  for (const auto& option : command.options) {
    for (const auto& name : option.names) {
      // "*": options may be repeated, and zsh would else leave out those that are there.
      out << " \\\n    '*" << name << "[" << specification_text(option.description) << "]"
          << zsh_action(option) << "'";
    }
  }
  if (!command.subcommands.empty()) {
    out << " \\\n    '1: :->command' '*:: :->arguments'";
  } else {
    for (const auto& positional : command.positionals)
      out << " \\\n    '*" << zsh_action(positional) << "'";
  }
  out << '\n';
  if (!command.subcommands.empty()) {
    std::vector<std::string> functions;
    out << "  case $state in\n    command)\n      local -a commands=(";
    for (const auto& other : table) {
      for (const auto& name : command.subcommands) {
        if (other.path != command.path + (command.path.empty() ? "" : " ") + name) continue;
        out << "\n        '" << name << ":" << specification_text(other.description) << "'";
        functions.push_back("        " + name + ") " + zsh_function(other) + " ;;\n");
      }
    }
    for (const auto& positional : command.positionals) {
      for (const auto& choice : positional.choices) out << "\n        '" << choice << "'";
    }
    out << "\n      )\n      _describe command commands\n      ;;\n    arguments)\n"
        << "      case $line[1] in\n";
    for (const auto& function : functions) out << function;
    out << "      esac\n      ;;\n  esac\n";
  }
  out << "}\n\n";
}

}  // namespace

std::string zsh_completion(const std::vector<CommandEntry>& table) {
  std::ostringstream out;
  out << "#compdef glm-image\n# zsh completion for glm-image; made by `glm-image reference`.\n\n";
  for (const auto& command : table) write_function(out, command, table);
  out << "_glm_image \"$@\"\n";
  return out.str();
}

}  // namespace glm_image::cli
