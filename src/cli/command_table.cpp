#include "cli/command_table.h"

#include <algorithm>
#include <string_view>

#include "core/prefix.h"

namespace glm_image::cli {
namespace {

/// "{auto,float32}" in "T:{auto,float32}"; empty without braces.
std::vector<std::string> choices_of(const std::string& type) {
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  if (end == std::string::npos) return {};
  std::vector<std::string> choices(1);
  for (auto i = begin + 1; i < end; ++i) {
    if (type[i] == ',') {
      choices.emplace_back();
    } else {
      choices.back() += type[i];
    }
  }
  return choices;
}

/// "FILE[:SCALE]" in "FILE[:SCALE]:{…}". CLI11 puts validators' descriptions behind colons.
std::string placeholder_of(const std::string& type) {
  int depth = 0;
  for (std::size_t i = 0; i < type.size(); ++i) {
    if (type[i] == '[') ++depth;
    if (type[i] == ']') --depth;
    const bool is_interval = i > 0 && i + 1 == type.size() - 1;  // "A:B"
    if (type[i] == ':' && depth == 0 && !is_interval) return type.substr(0, i);
  }
  return type;
}

bool begins_with_one_of(const std::string& text, const std::vector<std::string_view>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view beginning) {
    return starts_with(text, beginning);
  });
}

ValueKind kind_of(const OptionEntry& entry) {
  if (!entry.choices.empty()) return ValueKind::kChoice;
  if (begins_with_one_of(entry.value, {"DIR", "FOLDER"})) return ValueKind::kFolder;
  if (entry.value == "F" || begins_with_one_of(entry.value, {"FILE", "LIB", "NAME.safetensors"})) {
    return ValueKind::kFile;
  }
  return ValueKind::kText;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry;
  for (const auto& name : option.get_lnames()) entry.names.push_back("--" + name);
  for (const auto& name : option.get_snames()) entry.names.push_back("-" + name);
  if (entry.names.empty()) entry.names.push_back(option.get_name(/*positional=*/true));
  entry.description = option.get_description();
  entry.is_required = option.get_required();
  if (option.get_type_size() == 0) return entry;
  const auto type = option.get_type_name();
  entry.choices = choices_of(type);
  entry.value = placeholder_of(type);
  entry.kind = kind_of(entry);
  entry.default_value = option.get_default_str();
  return entry;
}

/// A positional is named in capitals, as in the synopsis of every manual.
OptionEntry positional_of(const CLI::Option& option) {
  auto entry = entry_of(option);
  auto& name = entry.names.front();
  std::transform(name.begin(), name.end(), name.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  if (entry.choices.empty()) {
    entry.value = name;
    entry.kind = kind_of(entry);
  }
  return entry;
}

void add_commands(const CLI::App& app, const std::string& path, std::vector<CommandEntry>& table) {
  CommandEntry command;
  command.path = path;
  command.description = app.get_description();
  command.footer = app.get_footer();
  for (const auto* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    if (option->nonpositional()) {
      command.options.push_back(entry_of(*option));
    } else {
      command.positionals.push_back(positional_of(*option));
    }
  }
  std::vector<const CLI::App*> shown;
  for (const auto* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (subcommand->get_group().empty()) continue;
    shown.push_back(subcommand);
    command.subcommands.push_back(subcommand->get_name());
  }
  table.push_back(std::move(command));
  for (const auto* subcommand : shown) {
    add_commands(*subcommand, path + (path.empty() ? "" : " ") + subcommand->get_name(), table);
  }
}

}  // namespace

std::vector<CommandEntry> command_table(const CLI::App& app) {
  std::vector<CommandEntry> table;
  add_commands(app, "", table);
  return table;
}

std::string page_name(const CommandEntry& command) {
  auto name = "glm-image" + (command.path.empty() ? "" : "-" + command.path);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

}  // namespace glm_image::cli
