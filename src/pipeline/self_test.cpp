#include "pipeline/self_test.h"

#include <ATen/Version.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "glm_image/pipeline.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "nn/kernel_checks.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

/// Levels of 255 by which a picture may differ: float32 sums round in another order.
constexpr int kAllowedDifference = 2;

/// One row of cases.json.
struct ReferencePicture {
  std::string name;
  Request request;
  Image expected;
};

ReferencePicture read_case(const io::JsonFields& row, const fs::path& folder) {
  ReferencePicture picture;
  picture.name = row.required_string("name");
  auto& request = picture.request;
  request.prompt = row.required_string("prompt");
  request.glyph_rules = GlyphRules::kReference;
  request.width = row.required_int64("width", 1, limits::kMaxSide);
  request.height = row.required_int64("height", 1, limits::kMaxSide);
  request.steps = row.required_int64("steps", 1, limits::kMaxSteps);
  request.guidance = row.required_double("guidance");
  request.seed = static_cast<uint64_t>(row.required_int64("seed", 0, INT64_MAX));
  if (row.has("image_files")) {
    for (const auto& file : row.required_string_list("image_files")) {
      request.condition_images.push_back(image::read_image(folder / file));
    }
  }
  picture.expected = image::read_image(folder / row.required_string("expected_png"));
  return picture;
}

int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

}  // namespace

std::string onednn_report() {
  // "Intel(R) MKL-DNN v2.7.3 (Git Hash …)"
  const auto text = at::get_mkldnn_version();
  const auto begin = text.find(" v");
  if (begin == std::string::npos) return "no oneDNN";
  return "oneDNN " + text.substr(begin + 2, text.find(' ', begin + 2) - begin - 2);
}

SelfTestResult test_kernels() {
  SelfTestResult result;
  const auto checks = nn::check_kernels();
  for (auto begin = checks.begin(); begin != checks.end();) {
    const auto end = std::find_if(
        begin, checks.end(), [&](const auto& check) { return check.form != begin->form; });
    const auto wrong =
        std::count_if(begin, end, [](const auto& check) { return !check.is_right(); });
    result.failures += wrong;
    result.lines.push_back(concat("kernels ",
                                  begin->form,
                                  ": ",
                                  wrong == 0 ? "right" : "WRONG",
                                  ", operations: ",
                                  end - begin));
    for (; begin != end; ++begin) {
      if (begin->is_right()) continue;
      result.lines.push_back(concat(
          "  WRONG: ", begin->operation, ": error ", begin->error, ", allowed ", begin->allowed));
    }
  }
  result.lines.push_back("bfloat16 convolutions of LibTorch: " + nn::convolution_faults());
  return result;
}

SelfTestResult test_reference(const fs::path& folder) {
  SelfTestResult result;
  const auto file = folder / "cases.json";
  const auto rows = io::read_json_file(file);
  if (!rows.is_array() || rows.empty()) {
    fail(ErrorCode::kCorruptFile, file.string(), ": must be a list of requests");
  }
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  auto pipeline = Pipeline::load(folder / "model", options);
  for (const auto& row : rows) {
    std::string name = "a picture", outcome;
    bool is_right = false;
    try {
      const auto picture = read_case(io::JsonFields(row, file.string()), folder);
      name = picture.name;
      const auto drawn = pipeline.generate(picture.request).pictures.at(0).image;
      const int difference = largest_difference(drawn, picture.expected);
      is_right = difference <= kAllowedDifference;
      outcome = concat("largest difference ", difference, " of 255");
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) throw;
      outcome = error.what();
    }
    result.failures += is_right ? 0 : 1;
    result.lines.push_back(
        concat("reference ", name, ": ", is_right ? "right" : "WRONG", ", ", outcome));
  }
  return result;
}

}  // namespace glm_image::pipeline
