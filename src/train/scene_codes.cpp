#include "train/scene_codes.h"

#include <algorithm>

#include "models/transformer/patches.h"
#include "train/component_files.h"
#include "train/picture_batch.h"
#include "train/token_kinds.h"
#include "train/token_parts.h"

namespace glm_image::train {

Tensor reduced_by_tokens(const std::vector<Image>& pictures) {
  constexpr int64_t kReduction = text::kPixelsPerToken / kReducedPatch;
  const auto reduced = at::avg_pool2d(picture_batch(pictures), {kReduction, kReduction});
  return models::patchify(reduced, kReducedPatch);
}

Image picture_of_reduced(const Tensor& tokens, const text::Grid& grid) {
  const auto reduced =
      models::unpatchify(tokens.view({1, grid.size(), -1}), grid.height, grid.width, kReducedPatch);
  return picture_of(at::upsample_nearest2d(
      reduced, {grid.height * text::kPixelsPerToken, grid.width * text::kPixelsPerToken})[0]);
}

posters::Scene ground_of(posters::Scene scene) {
  scene.texts.clear();
  scene.pictograms.clear();
  return scene;
}

CodeTeacher make_code_teacher(const posters::PosterSource& source,
                              int64_t dim,
                              const at::TensorOptions& options) {
  constexpr int64_t kHidden = 512;
  return CodeTeacher(
      count_token_kinds(source), count_part_answers(source), kReducedPixels, kHidden, dim, options);
}

SceneCodes::SceneCodes(const std::filesystem::path& components,
                       const PictureCodes& codes,
                       const posters::PosterSource& source,
                       const at::Device& device,
                       at::ScalarType type)
    : source_(source), device_(device), codes_(codes.code_vectors()) {
  teacher_ =
      make_code_teacher(source, codes_.size(1), at::TensorOptions().dtype(type).device(device));
  load_component(components / kCodeTeacher, *teacher_, device, type);
}

Tensor SceneCodes::encode(posters::Renderer& renderer,
                          const PosterExample& example,
                          const Tensor& kinds,
                          const text::Grid& grid) const {
  const at::NoGradGuard no_gradients;
  const auto pixels = reduced_by_tokens(
      {renderer.render(ground_of(example.scene), example.image.width, example.image.height)})[0];
  const TokenContent content{
      kinds.to(device_), token_parts(source_, example, grid).to(device_), pixels.to(device_)};
  return models::GlmImageVQModelImpl::nearest(teacher_->forward(content), codes_).to(at::kCPU);
}

}  // namespace glm_image::train
