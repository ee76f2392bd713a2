#pragma once

#include <filesystem>

#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"
#include "pipeline/image_settings.h"

namespace glm_image::train {

/// Both under the names that they have in the component vision_language_encoder: the half of it
/// that the stage "tokenizer" writes.
std::shared_ptr<torch::nn::Module> tokenizer_half(const models::GlmImageVisionModel& visual,
                                                  const models::GlmImageVQModel& vqmodel);

/// Binds both to their half of a component vision_language_encoder: one that the stage "tokenizer"
/// wrote, or a whole checkpoint's.
void load_tokenizer_half(const std::filesystem::path& component,
                         const models::GlmImageVisionModel& visual,
                         const models::GlmImageVQModel& vqmodel,
                         const at::Device& device,
                         at::ScalarType type);

/// The trained visual tokenizer, frozen: what later stages read pictures with.
class PictureCodes {
 public:
  /// `component`: as for load_tokenizer_half.
  PictureCodes(const std::filesystem::path& component,
               const pipeline::ImageSettings& settings,
               const at::Device& device,
               at::ScalarType type);

  /// The vision encoder's input for a picture whose sides are multiples of 32, [tokens, 3·P·P].
  Tensor patches(const Image& image) const;
  /// patches [B, tokens, 3·P·P] → ids [B, tokens].
  Tensor encode(const Tensor& patches, int64_t grid_height, int64_t grid_width) const;
  int64_t codes() const { return codes_; }
  /// [codes, embed_dim] float32, of length 1.
  Tensor code_vectors() const { return vqmodel_->codes(); }

 private:
  pipeline::ImageSettings settings_;
  at::Device device_;
  int64_t codes_;
  models::GlmImageVisionModel visual_{nullptr};
  models::GlmImageVQModel vqmodel_{nullptr};
};

}  // namespace glm_image::train
