#include "cli/merge_run.h"

#include <iostream>

#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/status_line.h"
#include "cli/translation.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "core/text_format.h"
#include "pipeline/merge_adapters.h"

namespace glm_image::cli {

void run_merge(const MergeOptions& options) {
  const auto plan =
      pipeline::plan_merge(locate_model(options.model), given_adapters(options.loras));
  StatusLine line;
  const auto show = [&](uint64_t done, uint64_t total) {
    if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
    if (options.quiet) return;
    line.show(concat(byte_size_text(done), " of ", byte_size_text(total)), /*last=*/done == total);
  };
  const auto changed = pipeline::write_merged(plan, options.output, options.threads, show);
  if (!options.quiet) {
    std::cerr << tr("weights changed: %1", {std::to_string(changed)}) << '\n';
    if (changed < plan.layers) {
      std::cerr << tr("warning: weights that adapters name and that did not change: %1; the scale "
                      "is 0, or the change is below the weights' precision",
                      {std::to_string(plan.layers - changed)})
                << '\n';
    }
  }
  std::cout << options.output << '\n';
}

}  // namespace glm_image::cli
