#include "cli/info_run.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cli/draw_options.h"
#include "cli/model_options.h"
#include "cli/table_cell.h"
#include "cli/translation.h"
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

/// "trained at  512x512": the label in the user's language.
void print_fact(const char* label, const std::string& value) {
  constexpr std::size_t kColumns = 11;
  std::cout << left_cell(tr(label), kColumns) << ' ' << value << '\n';
}

void print_profile(const ModelProfile& profile) {
  std::string sizes;
  for (const auto& size : profile.sizes) {
    sizes += (sizes.empty() ? "" : " ") + pipeline::size_text(size);
  }
  print_fact("trained at", sizes);
  print_fact("defaults",
             concat("--size ",
                    pipeline::size_text(profile.sizes.front()),
                    " --steps ",
                    profile.steps,
                    " --guidance ",
                    profile.guidance));
  print_fact("edits", tr(profile.edits ? "yes" : "not trained for it"));
  for (const auto& example : profile.examples) {
    print_fact("example",
               concat("--prompt ",
                      shell_quoted(example.prompt),
                      " --size ",
                      pipeline::size_text(example.size),
                      " --seed ",
                      example.seed));
  }
  std::cout << '\n';
}

void print_component(const std::string& name,
                     const std::string& parameters,
                     const std::string& on_disk,
                     const std::string& in_memory,
                     const std::string& type) {
  std::cout << left_cell(name, 25) << ' ' << right_cell(parameters, 14) << ' '
            << right_cell(on_disk, 11) << ' ' << right_cell(in_memory, 11) << "  " << type << '\n';
}

void print_table(const ModelInfo& info) {
  print_fact("model", concat(info.name, " (", info.directory.string(), ")"));
  print_fact("computes on",
             tr("%1 in %2, the VAE in %3", {info.device, info.dtype, info.vae_dtype}) + "\n");
  print_profile(info.profile);
  print_component(
      tr("component"), tr("parameters"), tr("on disk"), tr("in memory"), tr("stored as"));
  int64_t parameters = 0, bytes = 0, largest = 0;
  for (const auto& component : info.components) {
    print_component(component.name,
                    std::to_string(component.parameters),
                    byte_size_text(component.bytes),
                    byte_size_text(component.memory_bytes),
                    component.dtype);
    parameters += component.parameters;
    bytes += component.bytes;
    largest = std::max(largest, component.memory_bytes);
  }
  print_component(tr("in all"), std::to_string(parameters), byte_size_text(bytes), "", "");
  std::cout << '\n'
            << tr("Components are loaded one after the other: the weights in memory at a time are "
                  "at most %1.",
                  {byte_size_text(largest)})
            << '\n';
}

void print_stage(const std::array<std::string, 7>& cells) {
  std::cout << left_cell(cells[0], 8) << ' ' << left_cell(cells[1], 24);
  for (std::size_t i = 2; i < cells.size(); ++i) std::cout << ' ' << right_cell(cells[i], 10);
  std::cout << '\n';
}

void print_plan(const Pipeline& pipeline, const MemoryPlan& plan, const Request& request) {
  if (plan.allowed == 0) return;
  const auto pictures = request.condition_images.size();
  const auto size = pipeline::size_text({request.width, request.height});
  const auto allowed = byte_size_text(plan.allowed);
  const auto limit = plan.is_given ? tr("%1 (--max-memory)", {allowed})
                                   : tr("%1 are free on this machine", {allowed});
  std::cout << '\n'
            << (pictures == 0 ? tr("memory for a picture of %1: %2", {size, limit})
                              : tr("memory for a picture of %1 from %2 of the same size: %3",
                                   {size, std::to_string(pictures), limit}))
            << "\n\n";
  print_stage({tr("stage"),
               tr("component"),
               tr("weights"),
               tr("resident"),
               tr("streamed"),
               tr("working"),
               tr("total")});
  for (const auto& stage : plan.stages) {
    print_stage({stage.stage,
                 stage.component,
                 byte_size_text(stage.weights),
                 byte_size_text(stage.resident),
                 stage.streamed == 0 ? "-" : byte_size_text(stage.streamed),
                 byte_size_text(stage.working),
                 byte_size_text(stage.total)});
  }
  std::cout << '\n'
            << tr("Each total includes %1 of the program itself.", {byte_size_text(plan.program)})
            << '\n';
  try {
    pipeline.check(request);
  } catch (const Error& refusal) {
    std::cout << tr("This request would be refused: %1.", {translated(refusal.what())}) << '\n';
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
