#include <memory>

#include "cli/cluster_options.h"
#include "cli/worker_run.h"

namespace glm_image::cli {

void add_worker_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "worker", "Lend this machine to another one that draws or trains with --cluster");
  const auto options = std::make_shared<WorkerOptions>();
  command->add_option("--join", options->join, "Where the other machine waits: its --cluster")
      ->required()
      ->type_name("HOST:PORT");
  add_cluster_key_option(*command, options->key_file);
#if GLM_IMAGE_HAVE_TRAIN
  command
      ->add_option(
          "--train-in",
          options->train_in,
          "Train instead of drawing; the other machine's relative paths start in this folder")
      ->type_name("DIR");
#endif
  command->add_flag("--stay",
                    options->stay,
                    "Join again when the other machine is done, or was lost, until Ctrl-C");
  command
      ->add_option("--resident",
                   options->residency,
                   "Stages that stay in memory between requests: those that fit, all, or none")
      ->check(CLI::IsMember({"auto", "all", "none"}))
      ->capture_default_str()
      ->type_name("R");
  add_lora_option(*command, options->loras);
  command
      ->add_option("--lora-dir",
                   options->loras.folder,
                   "Folder of adapters that the other machine's requests may name")
      ->type_name("DIR");
  add_model_options(*command, options->model);
  command->add_flag("--quiet,-q", options->quiet, "Say nothing but errors");
  command->footer(
      "All machines need the same version of this program, the same model and the same key.\n"
      "In the examples, the first machine is at 192.168.1.10. Its own command comes last.\n\n"
      "Examples:\n"
      "  head -c 32 /dev/urandom | base64 > key.txt        once; copy it to all machines\n"
      "  glm-image worker --join 192.168.1.10:4600 --cluster-key-file key.txt --stay\n"
      "  glm-image generate -p 'a market' --count 8 --cluster 192.168.1.10:4600 --world 2 \\\n"
      "    --cluster-key-file key.txt");
  command->callback([options] { run_worker(*options); });
}

}  // namespace glm_image::cli
