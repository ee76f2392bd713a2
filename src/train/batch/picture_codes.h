#pragma once

#include <filesystem>
#include <vector>

#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"
#include "pipeline/image_settings.h"

namespace glm_image::train {

/// A module that holds both models under their names in the component vision_language_encoder: the
/// part of the component that the stage "vq" trains.
std::shared_ptr<torch::nn::Module> tokenizer_half(const models::GlmImageVisionModel& visual,
                                                  const models::GlmImageVQModel& vqmodel);

/// Binds both models to their part of a component vision_language_encoder, which may be the output
/// of the stage "vq" or complete.
void load_tokenizer_half(const std::filesystem::path& component,
                         const models::GlmImageVisionModel& visual,
                         const models::GlmImageVQModel& vqmodel,
                         const at::Device& device,
                         at::ScalarType type);

/// The frozen visual tokenizer, which provides the codes for later stages.
class PictureCodes {
 public:
  /// `component`: see load_tokenizer_half.
  PictureCodes(const std::filesystem::path& component,
               const pipeline::ImageSettings& settings,
               const at::Device& device,
               at::ScalarType type);

  /// The vision encoder's input, [tokens, 3·P·P]. The picture's sides must be multiples of 32.
  Tensor patches(const Image& image) const;
  /// The same of pictures of one size, [B, tokens, 3·P·P].
  Tensor patches(const std::vector<Image>& images) const;
  /// Encodes patches [B, tokens, 3·P·P] to codes [B, tokens] int64.
  Tensor encode(const Tensor& patches, int64_t grid_height, int64_t grid_width) const;
  int64_t codes() const { return codes_; }
  /// Unit vectors, [codes, embed_dim] float32.
  Tensor code_vectors() const { return vqmodel_->codes(); }

 private:
  pipeline::ImageSettings settings_;
  at::Device device_;
  int64_t codes_;
  models::GlmImageVisionModel visual_{nullptr};
  models::GlmImageVQModel vqmodel_{nullptr};
};

}  // namespace glm_image::train
