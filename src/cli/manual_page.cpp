#include "cli/manual_page.h"

#include <algorithm>
#include <sstream>

#include "core/prefix.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {
namespace {

/// A text as groff prints it unchanged. A line must not begin with a dot or an apostrophe, which
/// would make it a request; a hyphen of options must not become a typographic one.
std::string troff(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    const bool begins_line = escaped.empty() || escaped.back() == '\n';
    if (begins_line && (letter == '.' || letter == '\'')) escaped += "\\&";
    if (letter == '\\') {
      escaped += "\\e";
    } else if (letter == '-') {
      escaped += "\\-";
    } else if (letter == '\'') {
      escaped += "\\(aq";
    } else {
      escaped += letter;
    }
  }
  return escaped;
}

std::string bold(const std::string& text) {
  return "\\fB" + troff(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + troff(text) + "\\fR";
}

/// "--dtype T", or its choices.
std::string value_text(const OptionEntry& option) {
  if (option.kind == ValueKind::kNone) return "";
  if (option.choices.empty()) return option.value.empty() ? "" : " " + italic(option.value);
  std::string text;
  for (const auto& choice : option.choices) text += (text.empty() ? " " : "|") + bold(choice);
  return text;
}

void write_option(std::ostream& out, const OptionEntry& option) {
  std::string names;
  for (const auto& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
  out << ".TP\n" << names << value_text(option) << '\n' << troff(option.description);
  if (!option.default_value.empty()) out << " [" << troff(option.default_value) << ']';
  if (option.is_required) out << " (required)";
  out << '\n';
}

void write_synopsis(std::ostream& out, const CommandEntry& command) {
  out << ".SH SYNOPSIS\n" << bold("glm-image" + (command.path.empty() ? "" : " " + command.path));
  if (!command.options.empty()) out << " [" << italic("OPTION") << "]...";
  for (const auto& positional : command.positionals) out << ' ' << italic(positional.names.front());
  if (!command.subcommands.empty()) {
    out << (command.positionals.empty() ? " " : "\n.br\n" + bold("glm-image " + command.path) + " ")
        << italic("COMMAND") << " ...";
  }
  out << '\n';
}

bool is_examples_heading(const std::string& line) {
  return line == "Examples:" || line == "Example:";
}

/// The text below the options: paragraphs, and a section of examples whose lines keep their breaks.
void write_footer(std::ostream& out, const std::string& footer) {
  std::istringstream lines(footer);
  bool is_paragraph = false;
  bool is_example = false;
  for (std::string line; std::getline(lines, line);) {
    if (is_examples_heading(line)) {
      out << ".SH EXAMPLES\n";
      is_paragraph = false;
      continue;
    }
    const bool is_indented = starts_with(line, "  ");
    if (is_indented != is_example) out << (is_indented ? ".PP\n.nf\n" : ".fi\n");
    is_example = is_indented;
    if (line.empty()) {
      is_paragraph = false;
    } else if (is_indented) {
      out << troff(line.substr(2)) << '\n';
    } else {
      if (!is_paragraph) out << ".PP\n";
      is_paragraph = true;
      out << troff(line) << '\n';
    }
  }
  if (is_example) out << ".fi\n";
}

void write_commands(std::ostream& out,
                    const CommandEntry& command,
                    const std::vector<CommandEntry>& table) {
  if (command.subcommands.empty()) return;
  out << ".SH COMMANDS\n";
  for (const auto& name : command.subcommands) {
    const auto path = command.path.empty() ? name : command.path + " " + name;
    const auto found = std::find_if(
        table.begin(), table.end(), [&](const CommandEntry& entry) { return entry.path == path; });
    out << ".TP\n"
        << bold(name) << '\n'
        << troff(found->description) << ": see\n.BR " << troff(page_name(*found)) << " (1)\n";
  }
}

void write_environment(std::ostream& out) {
  out << ".SH ENVIRONMENT\n"
      << ".TP\n"
      << bold("GLM_IMAGE_MODEL") << '\n'
      << "Folder of the checkpoint to use where \\-\\-model is not given; else the small model "
         "that "
         "comes with the program.\n"
      << ".SH EXIT STATUS\n"
      << ".TP\n0\nDone.\n"
      << ".TP\n1\nA failure of the program or the machine.\n"
      << ".TP\n2\nAn input was wrong; one sentence on standard error says what.\n"
      << ".TP\n130, 143\nStopped by Ctrl\\-C, by SIGTERM.\n";
}

void write_references(std::ostream& out,
                      const CommandEntry& command,
                      const std::vector<CommandEntry>& table) {
  out << ".SH SEE ALSO\n";
  std::string pages;
  for (const auto& other : table) {
    if (other.path == command.path) continue;
    pages += (pages.empty() ? ".BR " : " (1),\n.BR ") + troff(page_name(other));
  }
  out << pages << " (1)\n";
}

}  // namespace

std::string manual_page(const CommandEntry& command, const std::vector<CommandEntry>& table) {
  std::ostringstream out;
  auto title = page_name(command);
  std::transform(title.begin(), title.end(), title.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  out << ".TH " << troff(title) << " 1 \"\" \"glm\\-image " << version() << "\" \"User Commands\"\n"
      << ".SH NAME\n"
      << troff(page_name(command)) << " \\- " << troff(command.description) << '\n';
  write_synopsis(out, command);
  write_commands(out, command, table);
  out << ".SH OPTIONS\n";
  for (const auto& positional : command.positionals) write_option(out, positional);
  for (const auto& option : command.options) write_option(out, option);
  std::string notes = command.footer;
  const auto examples = std::min(notes.find("Examples:\n"), notes.find("Example:\n"));
  if (examples != 0 && !notes.empty()) out << ".SH NOTES\n";
  write_footer(out, notes);
  write_environment(out);
  write_references(out, command, table);
  return out.str();
}

}  // namespace glm_image::cli
