#pragma once

#include "nn/modules.h"
#include "train/config/stage_keys.h"
#include "train/objectives/vq.h"
#include "train/stages/data_stage.h"
#include "train/stages/vq_encoder.h"

namespace glm_image::train {

/// The stage "vq": trains the vision encoder and its codebook as a vector-quantised autoencoder
/// (objectives/vq.h).
///
/// A linear head predicts each token's 32×32 pixels, reduced to 8×8, from its code alone; it is
/// used only in training.
class VqStage : public DataStage {
 public:
  VqStage(const TrainingConfig& config,
          const at::Device& device,
          std::shared_ptr<const TrainingData> data);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t batch_index) override;
  bool divides_rows() const override { return true; }
  void after_step(int64_t step) override;
  NamedTensors state() override { return encoder_.state(); }
  /// Two rows for each size: pictures, and the pixels predicted from their codes.
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t batch_index, ExampleReader& reader) const override;
  /// Predicts the pixels of quantised vectors, [tokens, 3·8·8] float32.
  Tensor pixels_of(const Tensor& quantised) const;

  VqKeys keys_;
  VqEncoder encoder_;
  nn::Linear to_pixels_{nullptr};
  Vq objective_;
  VqTokens last_tokens_;  ///< the input of the next codebook update, of all ranks' rows
  QuantisedTokens last_quantised_;
};

}  // namespace glm_image::train
