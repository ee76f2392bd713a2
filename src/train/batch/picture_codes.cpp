#include "train/batch/picture_codes.h"

#include "train/weights/component_files.h"

namespace glm_image::train {

std::shared_ptr<torch::nn::Module> tokenizer_half(const models::GlmImageVisionModel& visual,
                                                  const models::GlmImageVQModel& vqmodel) {
  auto half = std::make_shared<torch::nn::Module>();
  const auto model = half->register_module("model", std::make_shared<torch::nn::Module>());
  model->register_module("visual", visual);
  model->register_module("vqmodel", vqmodel);
  return half;
}

void load_tokenizer_half(const std::filesystem::path& component,
                         const models::GlmImageVisionModel& visual,
                         const models::GlmImageVQModel& vqmodel,
                         const at::Device& device,
                         at::ScalarType type) {
  // The generator's part of the component.
  const std::vector<std::string> surplus = {"model.language_model.", "lm_head.weight"};
  load_component(component, *tokenizer_half(visual, vqmodel), device, type, surplus);
}

PictureCodes::PictureCodes(const std::filesystem::path& component,
                           const pipeline::ImageSettings& settings,
                           const at::Device& device,
                           at::ScalarType type)
    : settings_(settings), device_(device) {
  const auto config = io::JsonFields::load(component / "config.json");
  const auto options = at::TensorOptions().dtype(type).device(device);
  const auto vq = models::VqConfig::from_json(config.required_object("vq_config"));
  codes_ = vq.num_embeddings;
  visual_ = models::GlmImageVisionModel(
      models::VisionConfig::from_json(config.required_object("vision_config")), options);
  vqmodel_ = models::GlmImageVQModel(vq, options);
  load_tokenizer_half(component, visual_, vqmodel_, device, type);
}

Tensor PictureCodes::patches(const Image& image) const {
  return pipeline::vision_patches(settings_, {image, text::target_grid(image.height, image.width)});
}

Tensor PictureCodes::patches(const std::vector<Image>& images) const {
  std::vector<Tensor> of_images;
  of_images.reserve(images.size());
  for (const auto& image : images) of_images.push_back(patches(image));
  return at::stack(of_images);
}

Tensor PictureCodes::encode(const Tensor& patches, int64_t grid_height, int64_t grid_width) const {
  at::NoGradGuard no_grad;
  const auto features = visual_->forward(patches.to(device_), grid_height, grid_width);
  return vqmodel_->encode(features.flatten(0, 1)).view({patches.size(0), patches.size(1)});
}

}  // namespace glm_image::train
