#pragma once

#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"
#include "pipeline/image_settings.h"
#include "train/config/training_config.h"
#include "train/objectives/vector_quantisation.h"
#include "train/stage.h"

namespace glm_image::train {

/// The vision encoder and its codebook as a stage trains them: the optimizer updates all weights
/// except the codes, which follow the vectors that choose them (MovingCodebook).
class VqEncoder {
 public:
  /// With `config.start`, the codes begin with those of the start. Throws kCorruptFile if the
  /// config has gradient accumulation, since the codes are updated after every batch.
  VqEncoder(const TrainingConfig& config, const at::Device& device, double codebook_decay);

  std::vector<TrainedModule> modules();
  NamedTensors state();

  /// The vision encoder's input, [tokens, 3·P·P].
  Tensor patches(const Image& image) const;
  /// Encodes patches [B, tokens, 3·P·P] to unit vectors, [B·tokens, embed_dim] float32.
  Tensor vectors(const Tensor& patches, const text::Grid& grid) const;
  /// The nearest code of each token, [B·tokens, embed_dim].
  Tensor nearest_codes(const Tensor& patches, const text::Grid& grid) const;
  /// The codes, [codes, embed_dim] float32, without gradient.
  Tensor codes() const { return vqmodel_->codes().detach(); }
  /// The features of quantised vectors [tokens, embed_dim], [tokens, features].
  Tensor features_of(const Tensor& quantised) const { return vqmodel_->features_of(quantised); }
  /// Moving average of the fraction of tokens per code, [codes].
  Tensor shares() const { return codebook_.shares(); }

  /// Moves the codes after the optimizer's step `step`.
  void update_codes(const VqTokens& tokens, const QuantisedTokens& quantised, int64_t step);
  /// Writes this part of the component vision_language_encoder; the generator's output contains it.
  void write(const std::filesystem::path& folder) const;

  int64_t features() const { return vision_config_.hidden_size; }
  int64_t embed_dim() const { return vq_config_.embed_dim; }

 private:
  std::filesystem::path model_;
  uint64_t seed_;
  at::Device device_;
  pipeline::ImageSettings image_settings_;
  models::VisionConfig vision_config_;
  models::VqConfig vq_config_;
  models::GlmImageVisionModel visual_{nullptr};
  models::GlmImageVQModel vqmodel_{nullptr};
  MovingCodebook codebook_;
};

}  // namespace glm_image::train
