#include "cli/info_run.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cli/draw_options.h"
#include "cli/model_options.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "io/json_text.h"
#include "pipeline/model_profile.h"

namespace glm_image::cli {
namespace {

/// A request of this size, for its memory.
Request request_of(const InfoOptions& options, const ModelInfo& info) {
  Request request;
  request.prompt = "a picture";
  request.width = info.profile.sizes.front().width;
  request.height = info.profile.sizes.front().height;
  if (options.size) std::tie(request.width, request.height) = parse_size(*options.size);
  const auto bytes = static_cast<size_t>(3 * request.width * request.height);
  for (int64_t i = 0; i < options.images; ++i) {
    request.condition_images.push_back(
        {request.width, request.height, std::vector<uint8_t>(bytes)});
  }
  return request;
}

nlohmann::ordered_json to_json(const MemoryPlan& plan) {
  auto stages = nlohmann::ordered_json::array();
  for (const auto& stage : plan.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"component", stage.component},
                      {"weights_bytes", stage.weights},
                      {"resident_bytes", stage.resident},
                      {"streamed_bytes", stage.streamed},
                      {"working_bytes", stage.working},
                      {"total_bytes", stage.total}});
  }
  return {{"allowed_bytes", plan.allowed},
          {"given", plan.is_given},
          {"program_bytes", plan.program},
          {"stages", stages}};
}

nlohmann::ordered_json to_json(const ModelInfo& info, const MemoryPlan& plan) {
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
          {"vae_dtype", info.vae_dtype},
          {"profile", pipeline::to_json(info.profile)},
          {"components", components},
          {"memory_plan", to_json(plan)}};
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
  std::printf("computes on %s in %s, the VAE in %s\n\n",
              info.device.c_str(),
              info.dtype.c_str(),
              info.vae_dtype.c_str());
  print_profile(info.profile);
  std::printf(
      "%-25s %14s %11s %11s  %s\n", "component", "parameters", "on disk", "in memory", "stored as");
  int64_t parameters = 0, bytes = 0, largest = 0;
  for (const auto& component : info.components) {
    std::printf("%-25s %14ld %11s %11s  %s\n",
                component.name.c_str(),
                static_cast<long>(component.parameters),
                byte_size_text(component.bytes).c_str(),
                byte_size_text(component.memory_bytes).c_str(),
                component.dtype.c_str());
    parameters += component.parameters;
    bytes += component.bytes;
    largest = std::max(largest, component.memory_bytes);
  }
  std::printf("%-25s %14ld %11s\n\n",
              "in all",
              static_cast<long>(parameters),
              byte_size_text(bytes).c_str());
  std::printf(
      "Components are loaded one after the other: the weights in memory at a time are at most "
      "%s.\n",
      byte_size_text(largest).c_str());
}

void print_plan(const Pipeline& pipeline, const MemoryPlan& plan, const Request& request) {
  if (plan.allowed == 0) return;
  const auto pictures = request.condition_images.size();
  std::printf("\nmemory for a picture of %s%s: %s %s\n\n",
              pipeline::size_text({request.width, request.height}).c_str(),
              pictures == 0 ? "" : concat(" from ", pictures, " of the same size").c_str(),
              byte_size_text(plan.allowed).c_str(),
              plan.is_given ? "(--max-memory)" : "are free on this machine");
  std::printf("%-8s %-24s %10s %10s %10s %10s %10s\n",
              "stage",
              "component",
              "weights",
              "resident",
              "streamed",
              "working",
              "total");
  for (const auto& stage : plan.stages) {
    std::printf("%-8s %-24s %10s %10s %10s %10s %10s\n",
                stage.stage.c_str(),
                stage.component.c_str(),
                byte_size_text(stage.weights).c_str(),
                byte_size_text(stage.resident).c_str(),
                stage.streamed == 0 ? "-" : byte_size_text(stage.streamed).c_str(),
                byte_size_text(stage.working).c_str(),
                byte_size_text(stage.total).c_str());
  }
  std::printf("\nEach total includes %s of the program itself.\n",
              byte_size_text(plan.program).c_str());
  try {
    pipeline.check(request);
  } catch (const Error& refusal) {
    std::printf("This request would be refused: %s.\n", refusal.what());
  }
}

}  // namespace

void run_info(const InfoOptions& options) {
  const auto pipeline = load_pipeline(options.model);
  const auto request = request_of(options, pipeline.info());
  const auto plan = pipeline.memory_plan(request);
  if (options.json) {
    std::cout << io::json_text(to_json(pipeline.info(), plan), 2) << '\n';
  } else {
    print_table(pipeline.info());
    print_plan(pipeline, plan, request);
  }
}

}  // namespace glm_image::cli
