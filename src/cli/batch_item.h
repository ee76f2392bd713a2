#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/batch_file.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// A line of a batch, with what became of it.
struct BatchItem {
  enum class State { kWaiting, kSkipped, kDone, kFailed };

  BatchLine line;
  Request checked;  ///< with defaults and without pictures, for the estimate
  std::vector<std::filesystem::path> files;
  State state = State::kWaiting;
  std::vector<uint64_t> seeds;
  std::vector<std::vector<TextCheck>> verification;  ///< of each picture, if it was asked for
  std::vector<std::string> warnings;
  double seconds = 0;
  std::string error;
};

int64_t count_items(const std::vector<BatchItem>& items, BatchItem::State state);

/// The contents of summary.json, which --json prints. `file` holds the lines, `model` is the name
/// of the model that drew them, and `sheets` are the contact sheets.
nlohmann::ordered_json batch_summary(const std::string& file,
                                     const std::string& model,
                                     const std::vector<BatchItem>& items,
                                     const std::vector<std::filesystem::path>& sheets);

}  // namespace glm_image::cli
