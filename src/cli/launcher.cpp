// The launcher's versions of the functions that compute. They check what needs no LibTorch, so that
// a wrong argument is refused at once, and start the engine.

#include "cli/batch_file.h"
#include "cli/batch_run.h"
#include "cli/draw_options.h"
#include "cli/info_run.h"
#include "cli/interrupt.h"
#include "cli/merge_run.h"
#include "cli/model_location.h"
#include "cli/model_options.h"
#include "cli/output_names.h"
#include "cli/quantize_run.h"
#include "cli/self_test_run.h"
#include "cli/start_engine.h"
#include "image/file_bytes.h"
#include "image/image_format.h"
#include "image/image_limits.h"
#include "io/json_file.h"
#include "io/text_input.h"
#include "pipeline/request_values.h"
#if GLM_IMAGE_HAVE_CLUSTER
#include "cli/plan_run.h"
#include "cli/worker_run.h"
#endif
#if GLM_IMAGE_HAVE_SERVER
#include "cli/serve_run.h"
#include "rewrite/chat_address.h"
#endif
#if GLM_IMAGE_HAVE_TRAIN
#include "cli/data_run.h"
#include "cli/evaluate_run.h"
#include "cli/export_run.h"
#include "cli/train_lora_run.h"
#include "cli/train_run.h"
#include "core/atomic_file.h"
#endif

namespace glm_image::cli {
namespace {

/// Refuses a file whose first bytes are not those of a picture; the engine decodes the rest.
void check_picture(const std::string& path) {
  const auto bytes = image::read_file_bytes(path, image::ImageLimits().max_file_bytes);
  image::format_from_bytes(bytes, path);
}

/// Refuses a folder that does not exist, and numbers that the options hold as texts.
void check_model(const ModelOptions& options) {
  check_model_folder(options.model);
  pipeline_options(options);
}

}  // namespace

// Signals end the launcher as they end any program: a handler would not survive the engine's start.
void watch_for_interrupts() {}

int interrupted_by() {
  return 0;
}

void draw_pictures(const DrawOptions& options) {
  if (options.output) image::format_from_path(*options.output);
  auto given = options;
  if (given.prompt_file && io::is_stream(*given.prompt_file)) {
    // Only the engine reads it, because it cannot be read twice.
    given.prompt_file.reset();
    given.prompt = "a prompt";
  }
  const auto request = read_settings(given).request;
#if GLM_IMAGE_HAVE_SERVER
  if (!options.rewrite.empty()) rewrite::parse_chat_address(options.rewrite);
#endif
  for (const auto& path : options.images) check_picture(path);
  check_outputs(name_outputs(options, request.count));
  check_model(options.model);
  check_cluster_options(options.cluster);
  pipeline::check_values(request, options.images.size());
  start_engine();
}

void run_batch(const BatchOptions& options) {
  check_model(options.model);
  given_adapters(options.loras);
  // The engine reports wrong lines: some of them only the model can refuse.
  if (!io::is_stream(options.file)) io::read_text_input(options.file, kMaxBatchBytes);
  start_engine();
}

void run_info(const InfoOptions& options) {
  if (options.size) parse_size(*options.size);
  check_model(options.model);
  start_engine();
}

void run_quantize(const QuantizeOptions& options) {
  form_rules(options);
  check_model_folder(options.model);
  start_engine();
}

void run_merge(const MergeOptions& options) {
  check_model_folder(options.model);
  given_adapters(options.loras);
  start_engine();
}

void run_self_test(const std::string& given) {
  const auto folder = reference_folder(given);
  if (!folder.empty()) io::read_json_file(folder / kReferenceCases);
  start_engine();
}

#if GLM_IMAGE_HAVE_CLUSTER
void run_worker(const WorkerOptions& options) {
  check_cluster_address(options.join, "--join", options.key_file);
  given_adapters(options.loras);
  // Only a training says whether it needs a model.
  if (!options.train_in) check_model(options.model);
  start_engine();
}

void run_plan(const PlanOptions& options) {
  check_network_options(options.network);
  if (options.size) parse_size(*options.size);
  check_model(options.model);
  start_engine();
}
#endif

#if GLM_IMAGE_HAVE_SERVER
void run_serve(const ServeOptions& given) {
  server_options(given);
  given_adapters(given.loras);
  check_model(given.model);
  check_cluster_options(given.cluster);
  start_engine();
}
#endif

#if GLM_IMAGE_HAVE_TRAIN
void run_data_check(const DataCheckOptions& options) {
  check_writable(options.sheet);
  if (!options.model.empty()) check_model_folder(options.model);
  start_engine();
}

void run_train(const TrainOptions& options) {
  parse_max_memory(options.max_memory);
  load_run_config(options);
  check_cluster_options(options.cluster);
  start_engine();
}

void run_train_lora(const TrainLoraOptions& options) {
  check_model(options.model);
  given_adapters({options.keys.lora, /*folder=*/""});
  check_cluster_options(options.cluster);
  start_engine();
}

void run_export(const ExportOptions& /*options*/) {
  start_engine();
}

void run_evaluate(const EvaluateOptions& options) {
  const auto data = locate_data(options.data);
  io::read_text_file(suite_file(options.suite, data), io::kMaxJsonBytes);
  auto request = options.drawing.request;
  apply(options.denoising, request);
  pipeline::check_settings(request);
  given_adapters(options.loras);
  if (!options.truth && options.pictures.empty()) check_model(options.model);
  start_engine();
}
#endif

}  // namespace glm_image::cli
