#include "cli/lora_options.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/adapter_folder.h"
#include "core/error.h"
#include "io/json_number.h"
#include "io/shown.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

bool exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// The adapter of this name in a folder, if there is one. Names are never paths.
std::optional<fs::path> adapter_in(const fs::path& folder, const std::string& name) {
  for (const auto& path : adapters::adapters_in(folder)) {
    if (adapters::adapter_name(path) == name) return path;
  }
  return std::nullopt;
}

/// The path itself, or the adapter of this name in --lora-dir.
std::optional<fs::path> locate(const std::string& text, const LoraOptions& options) {
  if (text.empty()) fail(ErrorCode::kInvalidInput, "--lora must name a file; found ''");
  if (exists(text)) return text;
  return options.folder.empty() ? std::nullopt : adapter_in(options.folder, text);
}

[[noreturn]] void refuse_unknown(const std::string& adapter) {
  fail(ErrorCode::kNotFound,
       "--lora: ",
       adapter,
       " is neither a file or folder nor the name of an adapter in --lora-dir");
}

Adapter given_adapter(const std::string& text, const LoraOptions& options) {
  // A file may have a colon in its name.
  if (const auto whole = locate(text, options)) return {*whole, 1};
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) {
    refuse_unknown(text);
  }
  const auto file = text.substr(0, colon), number = text.substr(colon + 1);
  const auto path = locate(file, options);
  if (!path) refuse_unknown(file);
  const auto scale = io::number_from_text(number);
  if (!scale) {
    fail(ErrorCode::kInvalidInput,
         "--lora must be FILE or FILE:SCALE with a number; found the scale ",
         io::shown_name(number));
  }
  return {*path, scale->get<double>()};
}

}  // namespace

void add_lora_option(CLI::App& command, LoraOptions& options) {
  command
      .add_option("--lora",
                  options.loras,
                  "An adapter: a .safetensors file or a PEFT folder, and its scale (repeatable)")
      ->type_name("FILE[:SCALE]")
      ->allow_extra_args(false);
}

void add_lora_options(CLI::App& command, LoraOptions& options) {
  add_lora_option(command, options);
  command
      .add_option("--lora-dir", options.folder, "Folder in which adapters are found by their names")
      ->type_name("DIR");
}

std::vector<Adapter> given_adapters(const LoraOptions& options) {
  std::vector<Adapter> adapters;
  for (const auto& text : options.loras) adapters.push_back(given_adapter(text, options));
  return adapters;
}

std::vector<Adapter> find_adapters(const std::vector<AdapterUse>& uses,
                                   const LoraOptions& options,
                                   const fs::path& source) {
  std::vector<Adapter> adapters;
  for (const auto& use : uses) {
    std::optional<fs::path> found;
    if (!options.folder.empty()) {
      found = adapter_in(options.folder, use.name);
    } else {
      found = adapter_in(".", use.name);
      if (!found) found = adapter_in(fs::absolute(source).parent_path(), use.name);
    }
    if (!found) {
      fail(ErrorCode::kNotFound,
           source.string(),
           ": was drawn with the adapter ",
           io::shown_name(use.name),
           ", which is not in ",
           options.folder.empty() ? "this folder nor beside it" : options.folder,
           "; name its folder with --lora-dir, or its file with --lora");
    }
    adapters.push_back({*found, use.scale});
  }
  return adapters;
}

}  // namespace glm_image::cli
