#include "cli/batch_item.h"

#include <algorithm>

#include "pipeline/text_checks.h"

namespace glm_image::cli {
namespace {

using State = BatchItem::State;

const char* state_name(State state) {
  constexpr const char* kNames[] = {"waiting", "skipped", "done", "failed"};
  return kNames[static_cast<int>(state)];
}

}  // namespace

int64_t count_items(const std::vector<BatchItem>& items, State state) {
  return std::count_if(
      items.begin(), items.end(), [state](const BatchItem& item) { return item.state == state; });
}

nlohmann::ordered_json batch_summary(const std::string& file,
                                     const std::string& model,
                                     const std::vector<BatchItem>& items,
                                     const std::vector<std::filesystem::path>& sheets) {
  auto lines = nlohmann::ordered_json::array();
  for (const auto& item : items) {
    auto files = nlohmann::ordered_json::array();
    for (const auto& path : item.files) files.push_back(path.filename().string());
    lines.push_back(
        {{"line", item.line.number},
         {"state", state_name(item.state)},
         {"files", item.state == State::kFailed ? nlohmann::ordered_json::array() : files},
         {"prompt", item.line.request.prompt}});
    if (item.state == State::kDone) {
      lines.back()["seeds"] = item.seeds;
      lines.back()["seconds"] = item.seconds;
      if (!item.verification.empty()) {
        auto& verification = lines.back()["verification"] = nlohmann::ordered_json::array();
        for (const auto& checks : item.verification) {
          verification.push_back(pipeline::to_json(checks));
        }
      }
    }
    if (!item.warnings.empty()) lines.back()["warnings"] = item.warnings;
    if (!item.error.empty()) lines.back()["error"] = item.error;
  }
  auto sheet_names = nlohmann::ordered_json::array();
  for (const auto& sheet : sheets) sheet_names.push_back(sheet.filename().string());
  return {{"file", file},
          {"model", model},
          {"version", version()},
          {"done", count_items(items, State::kDone)},
          {"skipped", count_items(items, State::kSkipped)},
          {"failed", count_items(items, State::kFailed)},
          {"waiting", count_items(items, State::kWaiting)},
          {"contact_sheets", sheet_names},
          {"lines", lines}};
}

}  // namespace glm_image::cli
