#include "cli/training_progress.h"

#include <cmath>
#include <cstdio>

#include "cli/progress_display.h"
#include "cli/translation.h"

namespace glm_image::cli {

std::string training_progress_text(const train::LoopProgress& progress, int64_t batch) {
  const double left =
      progress.seconds_per_step * static_cast<double>(progress.steps - progress.step);
  const auto rounded = [](int digits, double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return std::string(text);
  };
  const double speed = static_cast<double>(batch) / progress.seconds_per_step;
  return tr("step %1 of %2  loss %3  %4 samples/s  %5 left",
            {std::to_string(progress.step),
             std::to_string(progress.steps),
             std::isfinite(progress.loss) ? rounded(4, progress.loss) : tr("not finite"),
             rounded(1, speed),
             clock_text(left)});
}

}  // namespace glm_image::cli
