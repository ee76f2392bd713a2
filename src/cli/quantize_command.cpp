#include <memory>

#include "cli/quantize_run.h"
#include "core/error.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

quant::FormRules form_rules(const QuantizeOptions& options) {
  if (!options.dry_run && options.output.empty()) {
    fail(ErrorCode::kInvalidInput, "either --output or --dry-run is required (see --help)");
  }
  return quant::FormRules(options.weights, options.rules);
}

void add_quantize_command(CLI::App& app) {
  auto* command = app.add_subcommand("quantize", "Write a copy of a model with smaller weights");
  const auto options = std::make_shared<QuantizeOptions>();
  command->add_option("--model", options->model, "Folder of the checkpoint (else $GLM_IMAGE_MODEL)")
      ->type_name("DIR");
  auto* output = command->add_option("-o,--output", options->output, "The folder to write");
  command
      ->add_option("--weights",
                   options->weights,
                   "q8 (8 bits), q4 (4 bits, groups of 128), or bf16: only what --rules name")
      ->check(CLI::IsMember({"q8", "q4", "bf16"}))
      ->capture_default_str();
  command
      ->add_option("--rules",
                   options->rules,
                   "Forms by layer: EXPRESSION=FORM,… The last expression found in "
                   "COMPONENT.LAYER decides; FORM is q8, q4, q4:32, q4:64, q8:128 … or bf16")
      ->type_name("RULES");
  command->add_option("--shard-size", options->shard_bytes, "Most bytes of tensors in a file")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "CPU threads (0: one per core)")
      ->check(CLI::Range(0, limits::kMaxThreads))
      ->capture_default_str();
  output->excludes(command->add_flag("--dry-run", options->dry_run, "Only print the sizes"));
  command->add_flag("--quiet", options->quiet, "No table and no progress");
  command->footer(
      "Norms, embeddings, first and last layers, the text encoder and the VAE stay as they are.\n\n"
      "A model that is quantised already, in any format that loads, is read too. Integers that "
      "have\n"
      "the form asked for stay as they are; other values are rounded a second time.\n\n"
      "Examples:\n"
      "  glm-image quantize --model models/glm-image --dry-run\n"
      "  glm-image quantize --model models/glm-image --weights q4 -o models/glm-image-q4\n"
      "  glm-image quantize --weights q4 --rules 'transformer\\.=q8,ff\\.net=q4:64' -o "
      "models/mixed");
  command->callback([options] { run_quantize(*options); });
}

}  // namespace glm_image::cli
