#include "pipeline/quantisation_check.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "io/json_file.h"
#include "io/shown.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

/// The name of the method in a quantization_config, quoted for a message.
std::string method_name(const io::Json& config) {
  if (!config.is_object()) return "an unnamed method";
  const auto method = config.find("quant_method");
  if (method != config.end()) return io::shown(&*method);
  // bitsandbytes wrote no name at first.
  return config.contains("load_in_4bit") || config.contains("load_in_8bit") ? "\"bitsandbytes\""
                                                                            : "an unnamed method";
}

std::optional<std::string> quantisation_method(const fs::path& component) {
  const auto config = io::read_json_file(component / "config.json");
  for (const char* const part : {"", "text_config"}) {
    const auto& object = *part == 0 || !config.contains(part) ? config : config.at(part);
    if (!object.is_object()) continue;
    const auto found = object.find("quantization_config");
    if (found != object.end() && !found->is_null()) return method_name(*found);
  }
  const auto own_file = component / "quantization_config.json";
  std::error_code error;
  if (fs::exists(own_file, error)) return method_name(io::read_json_file(own_file));
  return std::nullopt;
}

}  // namespace

void refuse_quantised(const fs::path& component, const io::WeightSet& weights) {
  const auto& tensors = weights.tensors();
  const auto packed = std::find_if(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return !io::is_floating(tensor.second.entry->type);
  });
  if (packed == tensors.end()) return;
  if (const auto method = quantisation_method(component)) {
    fail(ErrorCode::kUnsupported,
         component.string(),
         ": its weights are quantised by ",
         *method,
         " (quantization_config), which is not read yet; use the checkpoint in BF16");
  }
}

}  // namespace glm_image::pipeline
