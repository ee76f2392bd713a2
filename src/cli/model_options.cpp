#include "cli/model_options.h"

#include <map>

#include "cli/whole_number.h"
#include "core/byte_size.h"
#include "core/cpu_threads.h"
#include "core/error.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

void add_max_memory_option(CLI::App& command, std::optional<std::string>& max_memory) {
  command
      .add_option("--max-memory",
                  max_memory,
                  "Memory to use at most, e.g. 8GB or 6.5GiB (default: what the machine has free)")
      ->type_name("SIZE");
}

int64_t parse_max_memory(const std::optional<std::string>& text) {
  if (!text) return 0;
  const auto bytes = parse_byte_size(*text);
  if (!bytes) {
    fail(ErrorCode::kInvalidInput,
         "--max-memory must be a number and a unit, such as 8GB or 512MiB; found '",
         *text,
         "'");
  }
  return *bytes;
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.model, "Folder of the checkpoint (else $GLM_IMAGE_MODEL)")
      ->type_name("DIR");
  command.add_option("--device", options.device, "cpu, cuda, cuda:1, or a plugin's device (npu:0)")
      ->capture_default_str()
      ->type_name("D");
  command
      .add_option("--device-plugin",
                  options.device_plugin,
                  "LibTorch device plugin to load first, e.g. libtorch_npu.so")
      ->type_name("LIB");
  const auto add_type = [&](const char* name, std::string& type, const char* help) {
    command.add_option(name, type, help)
        ->check(CLI::IsMember({"auto", "float32", "bfloat16"}))
        ->capture_default_str()
        ->type_name("T");
  };
  add_type("--dtype", options.dtype, "Number type of the models");
  add_type("--vae-dtype", options.vae_dtype, "Number type of the VAE");
  command
      .add_option("--threads",
                  options.threads,
                  "CPU threads (0: one for each core that other programs leave free)")
      ->transform(whole_number<int64_t>(0, limits::kMaxThreads))
      ->capture_default_str()
      ->type_name("N");
  add_max_memory_option(command, options.max_memory);
  command.add_flag(
      "--strict", options.strict, "Refuse weights that no part of the model uses (else a warning)");
}

PipelineOptions pipeline_options(const ModelOptions& options) {
  static const std::map<std::string, DataType> kTypes = {{"auto", DataType::kAuto},
                                                         {"float32", DataType::kFloat32},
                                                         {"bfloat16", DataType::kBFloat16}};
  PipelineOptions pipeline;
  pipeline.device = options.device;
  pipeline.device_plugin = options.device_plugin;
  pipeline.dtype = kTypes.at(options.dtype);
  pipeline.vae_dtype = kTypes.at(options.vae_dtype);
  pipeline.threads = cpu_threads(options.threads);
  pipeline.yield_processors = options.threads == 0;
  pipeline.max_memory_bytes = parse_max_memory(options.max_memory);
  pipeline.strict = options.strict;
  return pipeline;
}

}  // namespace glm_image::cli
