#include "cli/quantize_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/status_line.h"
#include "cli/table_cell.h"
#include "cli/translation.h"
#include "core/error.h"
#include "core/seconds_since.h"
#include "pipeline/quantise_checkpoint.h"

namespace glm_image::cli {
namespace {

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(bytes) / 1e9);
  return text;
}

void print_row(const std::array<std::string, 6>& cells) {
  std::cout << left_cell(cells[0], 24);
  for (std::size_t i = 1; i < cells.size(); ++i) {
    std::cout << ' ' << right_cell(cells[i], i < 4 ? 14 : 11);
  }
  std::cout << '\n';
}

void print_quantisation(const pipeline::QuantisationPlan& plan) {
  print_row(
      {tr("component"), tr("8 bits"), tr("4 bits"), tr("as they are"), tr("before"), tr("after")});
  const auto size = [](uint64_t bytes) { return tr("%1 GB", {gigabytes(bytes)}); };
  uint64_t before = 0, after = 0;
  for (const auto& component : plan.components) {
    print_row({component.name,
               std::to_string(component.parameters_8),
               std::to_string(component.parameters_4),
               std::to_string(component.parameters_kept),
               size(component.bytes_before),
               size(component.bytes_after())});
    before += component.bytes_before;
    after += component.bytes_after();
  }
  print_row({tr("together"), "", "", "", size(before), size(after)});
}

}  // namespace

void run_quantize(const QuantizeOptions& options) {
  const auto rules = form_rules(options);
  const auto plan =
      pipeline::plan_quantisation(locate_model(options.model), rules, options.shard_bytes);
  if (!options.quiet) print_quantisation(plan);
  if (options.dry_run) return;
  std::cout << std::flush;
  StatusLine line;
  const auto began = std::chrono::steady_clock::now();
  pipeline::write_quantised(
      plan, options.output, options.threads, [&](uint64_t done, uint64_t total) {
        if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
        if (options.quiet) return;
        const double rate = static_cast<double>(done) / std::max(seconds_since(began), 1e-3);
        const auto left = clock_text(static_cast<double>(total - done) / rate);
        const auto text = tr("%1 of %2 GB, %3 left", {gigabytes(done), gigabytes(total), left});
        line.show(text, /*last=*/done == total);
      });
  std::cout << options.output << '\n';
}

}  // namespace glm_image::cli
