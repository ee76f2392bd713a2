#include <memory>

#include "cli/commands.h"
#include "cli/self_test_run.h"
#include "cli/shipped_files.h"

namespace glm_image::cli {

std::filesystem::path reference_folder(const std::string& given) {
  if (!given.empty()) return given;
  return find_shipped("tests/data/tiny", kReferenceCases);
}

void add_self_test_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "self-test", "Check this machine in seconds; quote what it prints in a bug report");
  const auto reference = std::make_shared<std::string>();
  command
      ->add_option("--reference",
                   *reference,
                   "Folder like tests/data/tiny: a checkpoint and pictures of the reference "
                   "implementation (default: the one beside the program)")
      ->type_name("DIR");
  command->footer(
      "Compares every form of the CPU's kernels with plain code, and pictures of a toy checkpoint\n"
      "with those of the reference implementation. The exit code is 1 if anything is wrong.\n\n"
      "Example:\n  glm-image self-test");
  command->callback([reference] { run_self_test(*reference); });
}

}  // namespace glm_image::cli
