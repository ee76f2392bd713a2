#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/data/bucket_sampler.h"
#include "train/data/features.h"
#include "train/lora/adapter_writer.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/token_prediction.h"
#include "train/stage.h"

namespace glm_image::train {

/// Settings that the stages of adapters share.
struct AdapterStageOptions {
  int64_t rank = 16;
  double alpha = 16;
  bool all_layers = false;  ///< also the feed-forward layers, not those of attention alone
  int64_t batch = 1;        ///< examples a batch
  uint64_t seed = 0;
  bool recompute = true;    ///< blocks in the backward pass; without, more memory and less time
  pipeline::LoadPlan load;  ///< of the frozen base weights
  /// Called after each step with the number of steps done.
  std::function<void(int64_t steps)> after_step;
  /// Draws a sample grid with the module in training; empty for none.
  std::function<Image(const pipeline::LoadedModules& modules)> draw_samples;
};

/// Trains low-rank updates of one component on a folder of pictures. What is common to the
/// components: the order of the examples and the updates themselves.
class AdapterStage : public Stage {
 public:
  /// The checkpoint and the features, which must be computed, must outlive this.
  AdapterStage(std::string component,
               const pipeline::Checkpoint& checkpoint,
               const DataFeatures& features,
               const AdapterStageOptions& options);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  BatchMaker batch_maker() override;
  bool divides_rows() const override { return true; }
  void after_step(int64_t step) override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& /*folder*/) override {}

  /// The updates as they are now, for write_adapter.
  AdapterPart part() const;
  int64_t batches_per_epoch() const { return sampler_.batches_per_epoch(); }
  int64_t adapted_layers() const { return adapters_->layers(); }

 protected:
  /// To be called once by the constructor of a component's stage.
  void adapt(torch::nn::Module& base,
             const std::string& prefix,
             const std::vector<std::string>& attention,
             const std::vector<std::string>& others);
  /// The module in training, with its updates.
  virtual pipeline::LoadedModules loaded() const = 0;
  /// Makes the batch of rows of the data set, this rank's share of a batch; must be safe from
  /// several threads.
  virtual Batch make_batch(const std::vector<int64_t>& rows,
                           const BatchShare& share,
                           int64_t step) const = 0;

  const pipeline::Checkpoint& checkpoint_;
  const DataFeatures& features_;
  AdapterStageOptions options_;

 private:
  std::string component_;
  BucketSampler sampler_;
  std::optional<TrainedAdapters> adapters_;
};

/// A number that is the same for the examples that may share a batch: the index of the picture's
/// size. An example with references is a batch of its own.
std::vector<int64_t> buckets_of(const DataFeatures& features);

/// Flow matching of the transformer. Examples lose their caption and visual tokens with the
/// probability kGuidanceDropout, so that the adapter follows classifier-free guidance.
class TransformerAdapterStage : public AdapterStage {
 public:
  static constexpr double kGuidanceDropout = 0.1;

  TransformerAdapterStage(const pipeline::Checkpoint& checkpoint,
                          const DataFeatures& features,
                          const AdapterStageOptions& options);
  Outcome forward(const Batch& batch, int64_t step) override;

 protected:
  Batch make_batch(const std::vector<int64_t>& rows,
                   const BatchShare& share,
                   int64_t step) const override;
  pipeline::LoadedModules loaded() const override;

 private:
  void read_references(const Batch& batch);
  Tensor patch_ids(const Tensor& tokens) const;

  models::GlmImageTransformer2DModel transformer_{nullptr};
  models::T5EncoderModel text_encoder_{nullptr};
  std::optional<FlowMatching> objective_;
  /// Those of the last batch, which its backward pass still reads.
  std::unique_ptr<models::ConditionCache> conditions_;
};

/// Prediction of visual tokens by the generator: of the preview and the picture, or with references
/// of the picture alone.
class GeneratorAdapterStage : public AdapterStage {
 public:
  GeneratorAdapterStage(const pipeline::Checkpoint& checkpoint,
                        const DataFeatures& features,
                        const AdapterStageOptions& options);
  Outcome forward(const Batch& batch, int64_t step) override;

 protected:
  Batch make_batch(const std::vector<int64_t>& rows,
                   const BatchShare& share,
                   int64_t step) const override;
  pipeline::LoadedModules loaded() const override;

 private:
  models::GlmImageForConditionalGeneration model_{nullptr};
  std::optional<TokenPrediction> objective_;
};

}  // namespace glm_image::train
