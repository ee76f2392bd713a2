#include "cli/quantize_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/status_line.h"
#include "cli/translation.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "core/seconds_since.h"
#include "core/text_format.h"
#include "io/shown.h"
#include "pipeline/quantise_checkpoint.h"

namespace glm_image::cli {
namespace {

void print_quantisation(const pipeline::QuantisationPlan& plan) {
  std::printf("%-24s %14s %14s %14s %11s %11s\n",
              "component",
              "8 bits",
              "4 bits",
              "as they are",
              "before",
              "after");
  uint64_t before = 0, after = 0;
  for (const auto& component : plan.components) {
    std::printf("%-24s %14lld %14lld %14lld %11s %11s\n",
                component.name.c_str(),
                static_cast<long long>(component.parameters_8),
                static_cast<long long>(component.parameters_4),
                static_cast<long long>(component.parameters_kept),
                byte_size_text(component.bytes_before).c_str(),
                byte_size_text(component.bytes_after()).c_str());
    before += component.bytes_before;
    after += component.bytes_after();
  }
  std::printf("%-69s %11s %11s\n",
              "together",
              byte_size_text(before).c_str(),
              byte_size_text(after).c_str());
}

}  // namespace

void run_quantize(const QuantizeOptions& options) {
  const auto rules = form_rules(options);
  const auto plan =
      pipeline::plan_quantisation(locate_model(options.model), rules, options.shard_bytes);
  if (!options.quiet) print_quantisation(plan);
  for (const auto& warning : plan.warnings) {
    std::cerr << tr("warning: %1", {io::printable(translated(warning))}) << '\n';
  }
  if (options.dry_run) return;
  std::fflush(stdout);
  StatusLine line;
  const auto began = std::chrono::steady_clock::now();
  pipeline::write_quantised(
      plan, options.output, options.threads, [&](uint64_t done, uint64_t total) {
        if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
        if (options.quiet) return;
        const double rate = static_cast<double>(done) / std::max(seconds_since(began), 1e-3);
        line.show(concat(byte_size_text(done),
                         " of ",
                         byte_size_text(total),
                         ", ",
                         clock_text(static_cast<double>(total - done) / rate),
                         " left"),
                  /*last=*/done == total);
      });
  std::cout << options.output << '\n';
}

}  // namespace glm_image::cli
