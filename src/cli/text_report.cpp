#include "cli/text_report.h"

#include <iostream>

#include "cli/translation.h"
#include "core/text_format.h"
#include "io/shown.h"
#include "pipeline/text_checks.h"

namespace glm_image::cli {
void print_checks(const std::string& file, const std::vector<TextCheck>& checks, bool only_wrong) {
  for (const auto& check : checks) {
    if (only_wrong && check.state == TextState::kFound) continue;
    std::cerr << concat(file, ": ", io::printable(tr(pipeline::description(check)))) << '\n';
  }
}

void warn_of_candidates(const Result& result) {
  const auto& checks = result.pictures.front().verification;
  if (result.candidates < 2 || all_texts_right(checks)) return;
  std::string wrong;
  for (const auto& check : checks) {
    if (check.state == TextState::kFound) continue;
    wrong += concat(wrong.empty() ? "" : "; ", tr(pipeline::description(check)));
  }
  const auto message = tr(pipeline::none_is_right(result.candidates, wrong));
  std::cerr << tr("warning: %1", {io::printable(message)}) << '\n';
}

}  // namespace glm_image::cli
