// random_checkpoint: writes a checkpoint of given sizes with random weights, for measuring speed,
// memory and loading without the published weights. Its pictures are noise.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "cli/interrupt.h"
#include "cli/progress_display.h"
#include "cli/status_line.h"
#include "core/error.h"
#include "io/json_file.h"
#include "random_checkpoint/random_checkpoint.h"

namespace {

using namespace glm_image;
using namespace glm_image::random_checkpoint;

constexpr int kFailure = 1;
constexpr int kBadInput = 2;
constexpr int kSignalBase = 128;
constexpr double kGigabyte = 1e9;

constexpr const char* kFooter =
    "FILE holds JSON merge patches (RFC 7396) of the published configs, by file:\n"
    "  {\"vision_language_encoder/config.json\": {\"text_config\": {\"num_hidden_layers\": 4}},\n"
    "   \"transformer/config.json\": {\"num_layers\": 2}}\n\n"
    "Examples:\n"
    "  random_checkpoint --dry-run\n"
    "  random_checkpoint -o models/random\n"
    "  random_checkpoint --layers 2 -o models/random2\n"
    "  random_checkpoint --weights q4 -o models/random-q4\n"
    "  random_checkpoint --sizes tiny -o models/random_tiny";

struct Options {
  std::string sizes = "published", weights = "bf16", rules, output;
  int64_t layers = 0;
  uint64_t seed = 0, shard_bytes = 5'000'000'000;
  bool dry_run = false;
};

ConfigFiles configs_of(const Options& options) {
  auto configs = published_configs();
  if (options.sizes == "tiny") {
    apply_changes(configs, tiny_changes(), "tiny");
  } else if (options.sizes != "published") {
    apply_changes(configs, io::read_json_file(options.sizes), options.sizes);
  }
  if (options.layers > 0) set_layers(configs, options.layers);
  return configs;
}

void print_sizes(const std::vector<Component>& components) {
  uint64_t tensors = 0, parameters = 0, bytes = 0;
  std::size_t files = 0;
  std::printf("%-24s %5s %8s %15s %15s %14s\n",
              "component",
              "files",
              "tensors",
              "parameters",
              "bytes",
              "stored as");
  for (const auto& component : components) {
    std::printf("%-24s %5zu %8llu %15llu %15llu %14s\n",
                component.folder.c_str(),
                component.files.size(),
                static_cast<unsigned long long>(component.tensors()),
                static_cast<unsigned long long>(component.parameters),
                static_cast<unsigned long long>(component.bytes()),
                component.types().c_str());
    files += component.files.size();
    tensors += component.tensors();
    parameters += component.parameters;
    bytes += component.bytes();
  }
  std::printf("%-24s %5zu %8llu %15llu %15llu (%.1f GB)\n",
              "total",
              files,
              static_cast<unsigned long long>(tensors),
              static_cast<unsigned long long>(parameters),
              static_cast<unsigned long long>(bytes),
              static_cast<double>(bytes) / kGigabyte);
}

/// Shows progress, speed and remaining time; stops on Ctrl-C.
class WritingDisplay {
 public:
  void show(uint64_t done, uint64_t total) {
    if (cli::interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
    char text[128];
    std::snprintf(text,
                  sizeof text,
                  "%.2f of %.2f GB, %.0f MB/s, %s left",
                  static_cast<double>(done) / kGigabyte,
                  static_cast<double>(total) / kGigabyte,
                  rate / 1e6,
                  cli::clock_text(static_cast<double>(total - done) / rate).c_str());
    line_.show(text, /*last=*/done == total);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point began_ = Clock::now();
  cli::StatusLine line_;
};

void run(const Options& options) {
  const auto configs = configs_of(options);
  const quant::FormRules rules(options.weights, options.rules);
  const auto components = plan_components(configs, rules, options.shard_bytes);
  rules.check_all_used();
  print_sizes(components);
  if (options.dry_run) return;
  std::fflush(stdout);
  WritingDisplay display;
  write_checkpoint(
      configs, components, options.seed, options.output, [&](uint64_t done, uint64_t total) {
        display.show(done, total);
      });
  std::printf("%s\n", options.output.c_str());
}

int report(const std::string& message, int code) {
  std::cerr << "random_checkpoint: " << message << '\n';
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a GLM-Image checkpoint with random weights.", "random_checkpoint");
  app.footer(kFooter);
  Options options;
  app.add_option("--sizes", options.sizes, "published, tiny, or a JSON FILE with changes")
      ->capture_default_str();
  app.add_option("--layers", options.layers, "Layers of every transformer (default: the config's)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--seed", options.seed, "The same seed gives the same weights")
      ->capture_default_str();
  app.add_option(
         "--shard-size", options.shard_bytes, "Maximum size of the tensors in a file, e.g. 5GB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->capture_default_str();
  app.add_option("--weights", options.weights, "Form of the large layers, as glm-image quantize")
      ->check(CLI::IsMember({"bf16", "q8", "q4"}))
      ->capture_default_str();
  app.add_option("--rules", options.rules, "Forms by layer, as glm-image quantize takes them");
  auto* output = app.add_option("-o,--output", options.output, "The folder to write");
  auto* dry_run = app.add_flag("--dry-run", options.dry_run, "Only print the sizes");
  output->excludes(dry_run);

  cli::watch_for_interrupts();
  try {
    app.parse(argc, argv);
    if (!options.dry_run && options.output.empty()) {
      return report("either --output or --dry-run is required (see --help)", kBadInput);
    }
    run(options);
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return report(std::string(error.what()) + " (see --help)", kBadInput);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && cli::interrupted_by() != 0) {
      return report("stopped", kSignalBase + cli::interrupted_by());
    }
    return report(error.what(), is_bad_input(error.code()) ? kBadInput : kFailure);
  } catch (const std::exception& error) {
    return report(error.what(), kFailure);
  }
}
