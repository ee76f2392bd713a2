#include "support/reference_run.h"

#include <algorithm>
#include <cstdlib>

#include "image/codec.h"

namespace glm_image::test {

Request request_of(const ReferenceCase& reference) {
  const auto& row = reference.request;
  Request request;
  request.prompt = row.at("prompt");
  request.glyph_rules = GlyphRules::kReference;
  request.width = row.at("width");
  request.height = row.at("height");
  request.steps = row.at("steps");
  request.guidance = row.at("guidance");
  request.seed = row.at("seed");
  for (const auto& file : row.value("image_files", std::vector<std::string>())) {
    request.condition_images.push_back(image::read_image(tiny_dir() / file));
  }
  return request;
}

Result draw_recorded(const pipeline::Checkpoint& checkpoint,
                     const Request& request,
                     Recording& recording) {
  pipeline::RunMonitor monitor({}, [&recording](const std::string& name, const Tensor& value) {
    recording[name].push_back(value.clone());
  });
  return pipeline::draw(checkpoint, request, monitor);
}

int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

}  // namespace glm_image::test
