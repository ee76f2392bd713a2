#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <string>

#include "cli/commands.h"
#include "cli/help_translation.h"
#include "cli/interrupt.h"
#include "cli/translation.h"
#include "cli/usage_hints.h"
#include "core/output_error.h"
#include "core/system_report.h"
#include "glm_image/pipeline.h"
#include "io/shown.h"

namespace {

constexpr int kFailure = 1;
constexpr int kBadInput = 2;
constexpr int kSignalBase = 128;

constexpr const char* kExamples =
    "Examples:\n"
    "  glm-image generate --prompt 'Une affiche blanche avec une pomme et le titre « Marché »'\n"
    "  glm-image generate --prompt-file prompt.txt --size 1152x768 --count 4 -o poster.png\n"
    "  glm-image edit --image photo.jpg --prompt 'Make it night and write \"SALAM\"'\n"
    "  glm-image batch posters.jsonl -o posters\n"
    "  glm-image info --model models/glm-image\n"
    "\n"
    "glm-image COMMAND --help lists the options of a command.";

/// Commands of parts that this program may have been built without.
const std::map<std::string, const char*> kLeftOut = {
#if !GLM_IMAGE_HAVE_CLUSTER
    {"worker", "cluster"},
    {"plan", "cluster"},
#endif
#if !GLM_IMAGE_HAVE_SERVER
    {"serve", "server"},
#endif
#if !GLM_IMAGE_HAVE_TRAIN
    {"train", "trainer"},
    {"data", "trainer"},
    {"export", "trainer"},
    {"evaluate", "trainer"},
#endif
};

int report(const std::string& message, int code) {
  using namespace glm_image;
  // A message may name a file whose name steers the terminal.
  std::cerr << "glm-image: " << io::printable(cli::translated(message), /*keep_lines=*/true)
            << '\n';
  return code;
}

/// The whole program; errors are translated here.
int run(int argc, char** argv) {
  using namespace glm_image;
  CLI::App app("Draws pictures that spell text correctly, with GLM-Image, on your own machine.",
               "glm-image");
  app.set_version_flag(
      "--version",
      [] { return std::string("glm-image ") + version() + "\n" + system_report(); },
      "Print the versions, the CPU's kernels and threads, and exit");
  app.require_subcommand(1);
  app.footer(kExamples);
#if CLI11_VERSION_MAJOR > 2 || CLI11_VERSION_MINOR >= 5
  // Otherwise CLI11 breaks the lines of examples again and removes their indent.
  app.get_formatter()->enable_footer_formatting(false);
#endif
  cli::add_generate_command(app);
  cli::add_edit_command(app);
  cli::add_batch_command(app);
  cli::add_info_command(app);
  cli::add_metadata_command(app);
  cli::add_quantize_command(app);
  cli::add_self_test_command(app);
  cli::add_merge_command(app);
#if GLM_IMAGE_HAVE_CLUSTER
  cli::add_worker_command(app);
  cli::add_plan_command(app);
#endif
#if GLM_IMAGE_HAVE_SERVER
  cli::add_serve_command(app);
#endif
#if GLM_IMAGE_HAVE_TRAIN
  cli::add_train_command(app);
  cli::add_data_command(app);
  cli::add_export_command(app);
  cli::add_evaluate_command(app);
#endif
  cli::add_reference_command(app);

  cli::translate_help(app);
  cli::watch_for_interrupts();
  try {
    app.parse(argc, argv);
    if (!std::cout.flush() || std::fflush(stdout) != 0) {
      return report("standard output cannot be written", kFailure);
    }
    return 0;
  } catch (const CLI::Success& help) {
    const int code = app.exit(help);
    if (!std::cout.flush()) return report("standard output cannot be written", kFailure);
    return code;
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      if (const auto part = kLeftOut.find(argv[1]); part != kLeftOut.end()) {
        return report(std::string("this program was built without the ") + part->second + ": '" +
                          argv[1] + "' needs it",
                      kBadInput);
      }
      return report(cli::unknown_command(app, argv[1]), kBadInput);
    }
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
      const auto sentence = cli::unknown_argument(app, {argv + 1, argv + argc});
      if (!sentence.empty()) return report(sentence, kBadInput);
    }
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      const auto repeated = cli::repeated_option(app);
      if (!repeated.empty()) return report(repeated + " (see --help)", kBadInput);
    }
    return report(std::string(error.what()) + " (see --help)", kBadInput);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && cli::interrupted_by() != 0) {
      return report("stopped", kSignalBase + cli::interrupted_by());
    }
    const bool is_full = dynamic_cast<const OutputFailure*>(&error) != nullptr;
    return report(error.what(), is_bad_input(error.code()) && !is_full ? kBadInput : kFailure);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // The engine's file has a name of its own, but it is the same program to `ps` and `killall`.
  ::prctl(PR_SET_NAME, "glm-image");
  // A file over the limit of `ulimit -f` then becomes an error, and its temporary file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
  glm_image::cli::choose_language();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "glm-image: unexpected failure: " << error.what() << '\n';
    return kFailure;
  }
}
