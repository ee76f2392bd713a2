#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "support/test_support.h"

namespace glm_image::test {

/// One case of tests/data/tiny: the request to the reference and the recorded values.
struct ReferenceCase {
  nlohmann::json request;  ///< its entry in cases.json
  std::shared_ptr<const io::SafetensorsFile> recorded;

  std::string name() const { return request.at("name"); }
  bool has(const std::string& tensor) const {
    return recorded->header().tensors.count(tensor) != 0;
  }
  Tensor tensor(const std::string& tensor) const { return recorded->tensor(tensor); }
};

std::filesystem::path tiny_dir();
std::filesystem::path tiny_model_dir();
std::vector<ReferenceCase> reference_cases();

/// Fills the empty folder with a copy of the tiny model whose glm_image.json is `profile`. Its
/// components are links.
void link_tiny_model(const std::filesystem::path& folder, const std::string& profile);

/// Largest relative error of a float32 stage: ours and the reference round in different orders.
inline constexpr double kStageTolerance = 1e-4;

}  // namespace glm_image::test
