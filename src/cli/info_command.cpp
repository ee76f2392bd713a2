#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "io/json_text.h"
#include "pipeline/model_profile.h"

namespace glm_image::cli {
namespace {

struct InfoOptions {
  ModelOptions model;
  bool json = false;
};

nlohmann::ordered_json to_json(const ModelInfo& info) {
  auto components = nlohmann::ordered_json::array();
  for (const auto& component : info.components) {
    components.push_back({{"name", component.name},
                          {"dtype", component.dtype},
                          {"parameters", component.parameters},
                          {"bytes", component.bytes},
                          {"memory_bytes", component.memory_bytes}});
  }
  return {{"model", info.directory.string()},
          {"name", info.name},
          {"warnings", info.warnings},
          {"device", info.device},
          {"dtype", info.dtype},
          {"profile", pipeline::to_json(info.profile)},
          {"components", components}};
}

std::string megabytes(int64_t bytes) {
  char text[64];
  const auto value = static_cast<double>(bytes);
  std::snprintf(text,
                sizeof text,
                bytes >= 1000000000 ? "%.1f GB" : "%.1f MB",
                value / (bytes >= 1000000000 ? 1e9 : 1e6));
  return text;
}

/// As a word of a shell's command line.
std::string shell_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char letter : text)
    quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

void print_profile(const ModelProfile& profile) {
  std::string sizes;
  for (const auto& size : profile.sizes) {
    sizes += (sizes.empty() ? "" : " ") + pipeline::size_text(size);
  }
  std::printf("trained at  %s\n", sizes.c_str());
  std::printf("defaults    --size %s --steps %ld --guidance %g\n",
              pipeline::size_text(profile.sizes.front()).c_str(),
              static_cast<long>(profile.steps),
              profile.guidance);
  std::printf("edits       %s\n", profile.edits ? "yes" : "not trained for it");
  for (const auto& example : profile.examples) {
    std::printf("example     --prompt %s --size %s --seed %lu\n",
                shell_quoted(example.prompt).c_str(),
                pipeline::size_text(example.size).c_str(),
                static_cast<unsigned long>(example.seed));
  }
  std::printf("\n");
}

void print_table(const ModelInfo& info) {
  std::printf("model    %s (%s)\n", info.name.c_str(), info.directory.c_str());
  std::printf("computes on %s in %s\n\n", info.device.c_str(), info.dtype.c_str());
  print_profile(info.profile);
  std::printf(
      "%-25s %14s %11s %11s  %s\n", "component", "parameters", "on disk", "in memory", "stored as");
  int64_t parameters = 0, bytes = 0, largest = 0;
  for (const auto& component : info.components) {
    std::printf("%-25s %14ld %11s %11s  %s\n",
                component.name.c_str(),
                static_cast<long>(component.parameters),
                megabytes(component.bytes).c_str(),
                megabytes(component.memory_bytes).c_str(),
                component.dtype.c_str());
    parameters += component.parameters;
    bytes += component.bytes;
    largest = std::max(largest, component.memory_bytes);
  }
  std::printf(
      "%-25s %14ld %11s\n\n", "in all", static_cast<long>(parameters), megabytes(bytes).c_str());
  std::printf(
      "Components are loaded one after the other: the weights in memory at a time are at most "
      "%s.\n",
      megabytes(largest).c_str());
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("info", "Say what a model consists of and what memory it takes");
  const auto options = std::make_shared<InfoOptions>();
  add_model_options(*command, options->model);
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example:\n  glm-image info --model models/glm-image");
  command->callback([options] {
    const auto pipeline = load_pipeline(options->model);
    if (options->json) {
      std::cout << io::json_text(to_json(pipeline.info()), 2) << '\n';
    } else {
      print_table(pipeline.info());
    }
  });
}

}  // namespace glm_image::cli
