#include <map>
#include <sstream>

#include "cli/completions.h"
#include "core/joined.h"

namespace glm_image::cli {
namespace {

/// What completes an option's value. In bash, `compgen` takes it as arguments.
std::string compgen_arguments(const OptionEntry& option) {
  switch (option.kind) {
    case ValueKind::kChoice:
      // The function splits at line ends alone, so that paths may hold spaces.
      return "-W $'" + joined(option.choices, "\\n") + "'";
    case ValueKind::kFolder:
      return "-d";
    case ValueKind::kFile:
      return "-f";
    case ValueKind::kNone:
    case ValueKind::kText:
      break;
  }
  return "";
}

/// The case of one command: its options' values, then its options and sub-commands.
void write_bash_case(std::ostream& out, const CommandEntry& command) {
  out << "    '" << command.path << "')\n";
  std::map<std::string, std::vector<std::string>> options;  // by what completes their values
  std::vector<std::string> names;
  for (const auto& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.kind == ValueKind::kNone) continue;
    auto& same = options[compgen_arguments(option)];
    same.insert(same.end(), option.names.begin(), option.names.end());
  }
  if (!options.empty()) {
    out << "      case $option in\n";
    for (const auto& [arguments, same] : options) {
      out << "        " << joined(same, " | ") << ")\n";
      if (!arguments.empty()) {
        out << "          COMPREPLY=($(compgen " << arguments << " -- \"$current\"))\n";
      }
      out << "          return\n          ;;\n";
    }
    out << "      esac\n";
  }
  auto words = command.subcommands;
  std::string others;
  for (const auto& positional : command.positionals) {
    if (positional.kind == ValueKind::kChoice) {
      words.insert(words.end(), positional.choices.begin(), positional.choices.end());
    } else {
      others = compgen_arguments(positional);
    }
  }
  out << "      options='" << joined(names, " ") << "'\n      words='" << joined(words, " ")
      << "'\n";
  if (!others.empty()) {
    out << "      [[ $current == -* ]] || COMPREPLY=($(compgen " << others
        << " -- \"$current\"))\n";
  }
  out << "      ;;\n";
}

}  // namespace

std::string bash_completion(const std::vector<CommandEntry>& table) {
  std::ostringstream out;
  out << R"(# bash completion for glm-image; made by `glm-image reference`.
_glm_image() {
  local IFS=$'\n'
  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} command='' word i
  # "--option=value" arrives in three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "${command:+$command }$word" in
)";
  std::vector<std::string> paths;
  for (const auto& command : table) {
    if (!command.path.empty()) paths.push_back("'" + command.path + "'");
  }
  out << "      " << joined(paths, " | ") << R"() command="${command:+$command }$word" ;;
    esac
  done
  local options='' words=''
  COMPREPLY=()
  case $command in
)";
  for (const auto& command : table) write_bash_case(out, command);
  out << R"(  esac
  if [[ $current == -* ]]; then
    words=$options
  fi
  IFS=$' \n'
  COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -o bashdefault -F _glm_image glm-image
)";
  return out.str();
}

}  // namespace glm_image::cli
