#include "cli/help_translation.h"

#include <string>

#include "cli/translation.h"

namespace glm_image::cli {
namespace {

/// Paragraph by paragraph; of a list of examples, whose lines are indented, the heading alone.
std::string translated_footer(const std::string& footer) {
  std::string text;
  for (std::size_t begin = 0; begin < footer.size();) {
    auto end = footer.find("\n\n", begin);
    if (end == std::string::npos) end = footer.size();
    const auto paragraph = footer.substr(begin, end - begin);
    const auto indented = paragraph.find("\n  ");
    text += (text.empty() ? "" : "\n\n") + tr(paragraph.substr(0, indented));
    if (indented != std::string::npos) text += paragraph.substr(indented);
    begin = end + 2;
  }
  return text;
}

}  // namespace

void translate_help(CLI::App& app) {
  for (const char* label :
       {"Usage", "OPTIONS", "SUBCOMMAND", "Positionals", "REQUIRED", "Excludes", "Needs"}) {
    app.get_formatter()->label(label, tr(label));
  }
  app.description(tr(app.get_description()));
  app.footer(translated_footer(app.get_footer()));
  // The name of CLI11's default group differs between its versions.
  const auto group = app.get_group();
  app.group(tr(group == "SUBCOMMANDS" ? "Subcommands" : group));
  for (auto* option : app.get_options([](CLI::Option*) { return true; })) {
    option->description(tr(option->get_description()));
  }
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
    translate_help(*command);
  }
}

}  // namespace glm_image::cli
