#include "cli/text_report.h"

#include <cstdio>
#include <iostream>

#include "cli/translation.h"
#include "core/text_format.h"
#include "io/shown.h"

namespace glm_image::cli {
namespace {

/// As pipeline::describe, in the user's language. The texts themselves are not translated.
std::string described(const TextCheck& check) {
  switch (check.state) {
    case TextState::kFound:
      if (check.unknown_letters.empty()) return tr("found \"%1\"", {check.text});
      return tr("found \"%1\"; the reader does not tell these letters from similar ones: %2",
                {check.text, check.unknown_letters});
    case TextState::kSimilar: {
      char similarity[16];
      std::snprintf(similarity, sizeof similarity, "%.2f", check.similarity);
      return tr("similar \"%1\": read \"%2\" (%3)", {check.text, check.read, similarity});
    }
    case TextState::kMissing:
      return tr("missing \"%1\"", {check.text});
    case TextState::kUnread:
      return tr("unread \"%1\": there is no reader for its script", {check.text});
  }
  return "";
}

}  // namespace

void print_checks(const std::string& file, const std::vector<TextCheck>& checks, bool only_wrong) {
  for (const auto& check : checks) {
    if (only_wrong && check.state == TextState::kFound) continue;
    std::cerr << concat(file, ": ", io::printable(described(check))) << '\n';
  }
}

void warn_of_candidates(const Result& result) {
  const auto& checks = result.pictures.front().verification;
  if (result.candidates < 2 || all_texts_right(checks)) return;
  std::string wrong;
  for (const auto& check : checks) {
    if (check.state == TextState::kFound) continue;
    wrong += concat(wrong.empty() ? "" : "; ", described(check));
  }
  const auto message = tr("none of %1 candidates has all texts right; the best: %2",
                          {std::to_string(result.candidates), wrong});
  std::cerr << tr("warning: %1", {io::printable(message)}) << '\n';
}

}  // namespace glm_image::cli
