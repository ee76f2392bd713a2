#include "nano/training/scene_codes.h"

#include <algorithm>

#include "nano/training/token_kinds.h"
#include "nano/training/token_parts.h"
#include "train/stages/reduced_tokens.h"
#include "train/weights/component_files.h"

namespace glm_image::nano {

posters::Scene ground_of(posters::Scene scene) {
  scene.texts.clear();
  scene.pictograms.clear();
  return scene;
}

CodeTeacher make_code_teacher(const posters::PosterSource& source,
                              int64_t dim,
                              const at::TensorOptions& options) {
  constexpr int64_t kHidden = 512;
  return CodeTeacher(count_token_kinds(source),
                     count_part_answers(source),
                     train::kReducedPixels,
                     kHidden,
                     dim,
                     options);
}

SceneCodes::SceneCodes(const std::filesystem::path& components,
                       const train::PictureCodes& codes,
                       const posters::PosterSource& source,
                       const at::Device& device,
                       at::ScalarType type)
    : source_(source), device_(device), codes_(codes.code_vectors()) {
  teacher_ =
      make_code_teacher(source, codes_.size(1), at::TensorOptions().dtype(type).device(device));
  train::load_component(components / kCodeTeacher, *teacher_, device, type);
}

Tensor SceneCodes::encode(posters::Renderer& renderer,
                          const PosterExample& example,
                          const Tensor& kinds,
                          const text::Grid& grid) const {
  const at::NoGradGuard no_gradients;
  const auto pixels = train::reduced_by_tokens(
      {renderer.render(ground_of(example.scene), example.image.width, example.image.height)})[0];
  const TokenContent content{
      kinds.to(device_), token_parts(source_, example, grid).to(device_), pixels.to(device_)};
  return models::GlmImageVQModelImpl::nearest(teacher_->forward(content), codes_).to(at::kCPU);
}

}  // namespace glm_image::nano
