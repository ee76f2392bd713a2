#include "cli/usage_hints.h"

#include <algorithm>
#include <map>

#include "core/prefix.h"
#include "core/text_format.h"

namespace glm_image::cli {
namespace {

/// Commands of other programs.
const std::map<std::string, std::string> kOtherCommands = {
    {"help", "--help"},
    {"version", "--version"},
    {"txt2img", "generate"},
    {"draw", "generate"},
    {"img2img", "edit"},
    {"server", "serve"},
    {"run", "generate"},
    {"convert", "quantize"},
    {"selftest", "self-test"},
    {"doctor", "self-test"},
};

/// Options of other programs, and the hint for each.
const std::map<std::string, std::string> kOtherOptions = {
    {"-s", "give --seed N"},
    {"-W", "give --size WIDTHxHEIGHT"},
    {"-H", "give --size WIDTHxHEIGHT"},
    {"--width", "give --size WIDTHxHEIGHT"},
    {"--height", "give --size WIDTHxHEIGHT"},
    {"--aspect-ratio", "give --size WIDTHxHEIGHT"},
    {"--cfg-scale", "give --guidance X"},
    {"--cfg", "give --guidance X"},
    {"--guidance-scale", "give --guidance X"},
    {"--guidance_scale", "give --guidance X"},
    {"-n", "--count N is the number of pictures; the model takes no negative prompt"},
    {"--negative-prompt",
     "the model takes no negative prompt; say in --prompt what the picture shows"},
    {"--negative_prompt",
     "the model takes no negative prompt; say in --prompt what the picture shows"},
    {"--num-inference-steps", "give --steps N"},
    {"--num_inference_steps", "give --steps N"},
    {"-b", "give --count N"},
    {"--batch-count", "give --count N"},
    {"--batch-size", "give --count N"},
    {"--num-images", "give --count N"},
    {"--sampling-method", "give --solver euler or multistep"},
    {"--sampler", "give --solver euler or multistep"},
    {"--scheduler", "give --solver euler or multistep"},
    {"-m", "give --model DIR"},
    {"--diffusion-model", "give --model DIR"},
    {"--model-path", "give --model DIR"},
    {"-M", "the modes are commands: generate, edit"},
    {"--mode", "the modes are commands: generate, edit"},
    {"-r", "use the command edit, with --image FILE"},
    {"--ref-image", "use the command edit, with --image FILE"},
    {"--init-img", "use the command edit, with --image FILE"},
    {"--image", "use the command edit, with --image FILE"},
    {"-i", "use the command edit, with --image FILE"},
    {"--strength", "say in --prompt how much to change"},
    {"--mask", "the model redraws the whole picture; say in --prompt what to change"},
    {"-t", "give --threads N"},
    {"-l", "give --host H"},
    {"--listen", "give --host H"},
    {"--listen-ip", "give --host H"},
    {"--listen-port", "give --port N"},
    {"--lora-model-dir", "give --lora-dir DIR"},
    {"--type", "make a copy with `glm-image quantize`"},
    {"--backend", "give --device D"},
    {"-v", "`glm-image --version` describes this machine"},
    {"--verbose", "`glm-image --version` describes this machine"},
};

/// Letters to insert, delete, replace or swap with their neighbour.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      auto& least = table[i][j];
      if (i == 0 || j == 0) {
        least = i + j;
        continue;
      }
      const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      least = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + differs});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        least = std::min(least, table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

bool is_option(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' && argument.find_first_of("0123456789.") != 1;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// Whether a hint helps with this command: it names one of its options, or it is about drawing.
bool applies_to(const std::string& hint, const CLI::App& command, bool draws) {
  const std::string beginning = "give ";
  if (!starts_with(hint, beginning)) return draws;
  const auto rest = hint.substr(beginning.size());
  const auto names = option_names(command);
  return std::find(names.begin(), names.end(), rest.substr(0, rest.find(' '))) != names.end();
}

/// A command as the user named it.
struct NamedCommand {
  const CLI::App* command = nullptr;
  std::string name;  ///< "train lora"
};

/// The program and the commands that were given, each within the one before.
std::vector<NamedCommand> given_commands(const CLI::App& app) {
  std::vector<NamedCommand> given = {{&app, app.get_name()}};
  std::string name;
  for (const auto* command = &app; !command->get_subcommands().empty();) {
    command = command->get_subcommands().front();
    name += (name.empty() ? "" : " ") + command->get_name();
    given.push_back({command, name});
  }
  return given;
}

bool has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// About an argument that a command does not know.
std::string sentence_about(const std::string& argument, const NamedCommand& named) {
  const auto& name = named.name;
  const auto see = concat(" (see glm-image ", name, " --help)");
  const bool draws = name == "generate" || name == "edit";
  if (!is_option(argument)) {
    const char* hint = draws ? "; a prompt goes behind --prompt, in quotes" : "";
    return concat(name, " does not expect '", argument, "'", hint, see);
  }
  const auto option = argument.substr(0, argument.find('='));
  auto known = kOtherOptions.find(option);
  // "-s7", "-W512"
  if (known == kOtherOptions.end() && option[1] != '-')
    known = kOtherOptions.find(option.substr(0, 2));
  const bool is_known = known != kOtherOptions.end();
  if (is_known && applies_to(known->second, *named.command, draws))
    return concat(name, " has no ", known->first, ": ", known->second, see);
  const auto meant = nearest(option, option_names(*named.command));
  const auto hint = meant.empty() ? "" : concat("; did you mean ", meant, "?");
  return concat(name, " has no option ", option, hint, see);
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& words) {
  std::string best;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const auto& candidate : words) {
    const auto found = distance(word, candidate);
    if (found >= least) continue;
    least = found;
    best = candidate;
  }
  return best;
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const auto other = kOtherCommands.find(word);
  auto meant = other != kOtherCommands.end() ? other->second : nearest(word, names);
  // The program may have been built without it.
  const bool is_known =
      starts_with(meant, "--") || std::find(names.begin(), names.end(), meant) != names.end();
  if (!is_known) meant.clear();
  return "'" + word + "' is not a command" +
         (meant.empty() ? "" : "; did you mean `glm-image " + meant + "`?") + " (see --help)";
}

std::string repeated_option(const CLI::App& app) {
  for (const auto* option : app.get_options()) {
    const bool is_once = option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
                         option->get_items_expected_max() == 1;
    if (!is_once || option->count() < 2) continue;
    return option->get_name() + " is given " + std::to_string(option->count()) +
           " times; give it once";
  }
  for (const auto* command : app.get_subcommands()) {
    auto repeated = repeated_option(*command);
    if (!repeated.empty()) return repeated;
  }
  return "";
}

std::string unknown_argument(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto all = app.remaining(/*recurse=*/true);
  if (all.empty()) return "";
  // A group of short options may be left in parts: then none of them is an argument.
  const auto first = std::find_if(
      arguments.begin(), arguments.end(), [&](const auto& argument) { return has(all, argument); });
  const auto& argument = first == arguments.end() ? all.front() : *first;
  const auto commands = given_commands(app);
  for (std::size_t i = 0; i + 1 < commands.size(); ++i) {
    if (!has(commands[i].command->remaining(), argument)) continue;
    return concat(commands[i].name,
                  " does not expect '",
                  argument,
                  "' before the command ",
                  commands[i + 1].command->get_name(),
                  "; options go behind it");
  }
  return sentence_about(argument, commands.back());
}

}  // namespace glm_image::cli
