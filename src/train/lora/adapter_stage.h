#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/data/bucket_sampler.h"
#include "train/data/features.h"
#include "train/lora/adapter_writer.h"
#include "train/objectives/prior_preservation.h"
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
  pipeline::LoadPlan load;  ///< of the frozen base weights, on which base_adapters act
  /// Examples that the model must continue to draw as its base does
  /// (objectives/prior_preservation.h), which must be computed and outlive the stage; null for
  /// none. Each batch has up to `batch` of them beside those of the data set. The loss is that of
  /// the data set plus the weighted one of these.
  const DataFeatures* prior_data = nullptr;
  double prior_loss_weight = 1;
  double input_dropout = 0;  ///< of the generator: the chance that tokens of an example are hidden
  /// Called after each step with the number of steps done.
  std::function<void(int64_t steps)> after_step;
  /// Draws a sample grid with the module in training; empty if there are no samples.
  std::function<Image(const pipeline::LoadedModules& modules)> draw_samples;
};

/// The examples of one folder in the order of a run.
struct AdapterExamples {
  const DataFeatures& features;
  BucketSampler sampler;
  uint64_t seed;  ///< of the random numbers of these examples

  AdapterExamples(const DataFeatures& of_folder, int64_t batch, uint64_t seed);
};

/// Trains low-rank updates of one component on a folder of pictures. This base class handles the
/// order of the examples, the sum of the losses and the updates.
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
  /// With prior data, the metric "prior_loss" is their unweighted loss.
  Outcome forward(const Batch& batch, int64_t batch_index) final;
  bool divides_rows() const override { return true; }
  void after_step(int64_t step) override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& /*folder*/) override {}

  /// The updates as they are now, for write_adapter.
  AdapterPart part() const;
  int64_t batches_per_epoch() const { return data_.sampler.batches_per_epoch(); }
  int64_t adapted_layers() const { return adapters_->layers(); }

 protected:
  /// The constructor of a component's stage calls this once.
  void adapt(torch::nn::Module& base,
             const std::string& prefix,
             const std::vector<std::string>& attention,
             const std::vector<std::string>& others);
  /// The module in training, with its updates.
  virtual pipeline::LoadedModules loaded() const = 0;
  /// Makes the batch of rows of a folder, this rank's share of a batch; must be safe from several
  /// threads.
  virtual Batch make_batch(const AdapterExamples& examples,
                           const std::vector<int64_t>& rows,
                           const BatchShare& share,
                           int64_t batch_index) const = 0;
  /// The loss of a batch of the data set.
  virtual Outcome learn(const Batch& batch,
                        const AdapterExamples& examples,
                        int64_t batch_index) = 0;
  /// The loss of a batch of the prior data: this rank's term of the mean over all rows.
  virtual Tensor preserve(const Batch& batch,
                          const AdapterExamples& examples,
                          int64_t batch_index) = 0;

  const pipeline::Checkpoint& checkpoint_;
  AdapterStageOptions options_;

 private:
  Batch own_batch(const AdapterExamples& examples, int64_t batch_index) const;

  std::string component_;
  AdapterExamples data_;
  std::optional<AdapterExamples> prior_data_;
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

 protected:
  Batch make_batch(const AdapterExamples& examples,
                   const std::vector<int64_t>& rows,
                   const BatchShare& share,
                   int64_t batch_index) const override;
  Outcome learn(const Batch& batch, const AdapterExamples& examples, int64_t batch_index) override;
  Tensor preserve(const Batch& batch,
                  const AdapterExamples& examples,
                  int64_t batch_index) override;
  pipeline::LoadedModules loaded() const override;

 private:
  /// The keys and values of a batch's references; null without references.
  std::unique_ptr<models::ConditionCache> read_references(const Batch& batch) const;
  /// The objectives' batch, without references, and the noise levels of all ranks' examples.
  std::pair<FlowMatchingBatch, Tensor> noised(const Batch& batch,
                                              const AdapterExamples& examples,
                                              int64_t batch_index) const;
  Tensor patch_ids(const Tensor& tokens) const;

  models::GlmImageTransformer2DModel transformer_{nullptr};
  models::T5EncoderModel text_encoder_{nullptr};
  std::optional<FlowMatching> objective_;
  std::optional<VelocityPreservation> preservation_;
  /// Those of the last batch, which its backward pass still reads.
  std::unique_ptr<models::ConditionCache> conditions_, prior_conditions_;
};

/// Prediction of visual tokens by the generator: of the preview and the picture, or with references
/// of the picture alone.
class GeneratorAdapterStage : public AdapterStage {
 public:
  GeneratorAdapterStage(const pipeline::Checkpoint& checkpoint,
                        const DataFeatures& features,
                        const AdapterStageOptions& options);

 protected:
  Batch make_batch(const AdapterExamples& examples,
                   const std::vector<int64_t>& rows,
                   const BatchShare& share,
                   int64_t batch_index) const override;
  Outcome learn(const Batch& batch, const AdapterExamples& examples, int64_t batch_index) override;
  Tensor preserve(const Batch& batch,
                  const AdapterExamples& examples,
                  int64_t batch_index) override;
  pipeline::LoadedModules loaded() const override;

 private:
  TokenPredictionBatch on_device(const Batch& batch) const;
  /// [this rank's rows, tokens] bool: the tokens that the model does not see.
  Tensor hidden_tokens(const AdapterExamples& examples,
                       const BatchShare& share,
                       int64_t batch_index,
                       int64_t tokens) const;

  models::GlmImageForConditionalGeneration model_{nullptr};
  std::optional<TokenPrediction> objective_;
  std::optional<TokenPreservation> preservation_;
};

}  // namespace glm_image::train
