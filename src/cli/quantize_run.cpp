#include "cli/quantize_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>

#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/status_line.h"
#include "cli/table_cell.h"
#include "cli/translation.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "core/seconds_since.h"
#include "core/text_format.h"
#include "io/shown.h"
#include "pipeline/quantise_checkpoint.h"

namespace glm_image::cli {
namespace {

/// byte_size_text in the user's language.
std::string size_text(uint64_t bytes) {
  const auto text = byte_size_text(static_cast<int64_t>(bytes));
  const auto space = text.find(' ');
  return tr(text.substr(space) == " GB" ? "%1 GB" : "%1 MB", {text.substr(0, space)});
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
  uint64_t before = 0, after = 0;
  for (const auto& component : plan.components) {
    print_row({component.name,
               std::to_string(component.parameters_8),
               std::to_string(component.parameters_4),
               std::to_string(component.parameters_kept),
               size_text(component.bytes_before),
               size_text(component.bytes_after())});
    before += component.bytes_before;
    after += component.bytes_after();
  }
  print_row({tr("together"), "", "", "", size_text(before), size_text(after)});
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
  std::cout << std::flush;
  StatusLine line;
  const auto began = std::chrono::steady_clock::now();
  pipeline::write_quantised(
      plan, options.output, options.threads, [&](uint64_t done, uint64_t total) {
        if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
        if (options.quiet) return;
        const double rate = static_cast<double>(done) / std::max(seconds_since(began), 1e-3);
        const auto left = clock_text(static_cast<double>(total - done) / rate);
        line.show(tr("%1 of %2, %3 left", {size_text(done), size_text(total), left}),
                  /*last=*/done == total);
      });
  std::cout << options.output << '\n';
}

}  // namespace glm_image::cli
