#include "cli/model_options.h"

#include <iostream>
#include <map>

#include "cli/model_location.h"
#include "cli/whole_number.h"
#include "core/cpu_threads.h"

namespace glm_image::cli {

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
  command.add_option("--dtype", options.dtype, "Number type of the models")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}))
      ->capture_default_str()
      ->type_name("T");
  command.add_option("--threads", options.threads, "CPU threads (0: one per core)")
      ->transform(whole_number<int64_t>(0, 4096))
      ->capture_default_str()
      ->type_name("N");
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
  pipeline.threads = cpu_threads(options.threads);
  pipeline.strict = options.strict;
  return pipeline;
}

Pipeline load_pipeline(const ModelOptions& options, const PipelineOptions& pipeline_options) {
  auto pipeline = Pipeline::load(locate_model(options.model), pipeline_options);
  for (const auto& warning : pipeline.info().warnings) {
    std::cerr << "warning: " << warning << '\n';
  }
  return pipeline;
}

Pipeline load_pipeline(const ModelOptions& options) {
  return load_pipeline(options, pipeline_options(options));
}

}  // namespace glm_image::cli
