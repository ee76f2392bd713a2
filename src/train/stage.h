#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "glm_image/image.h"
#include "train/ranks/batch_share.h"

namespace glm_image::train {

/// The tensors of one batch by name, prepared in advance on another thread. Only the stage and its
/// auxiliary know the names: Stage::forward makes the typed batch of an objective from them
/// (train/objectives), whose struct has the shapes.
using Batch = std::map<std::string, Tensor>;
/// Prepares the batch with a given index, deterministically. The index counts batches: batch i of
/// optimizer step s has the index s·gradient_accumulation_steps + i.
using BatchMaker = std::function<Batch(int64_t batch_index)>;

struct Outcome {
  Tensor loss;  ///< scalar float32
  /// Scalar metrics; NaN if the batch had nothing to measure.
  std::map<std::string, Tensor> parts;
  /// Weight of the metrics in the mean over ranks: BatchShare::weight.
  double weight = 1;
  /// A further term of the loss that shares nothing but parameters with the first. It has a
  /// backward pass of its own, so that a parameter gets one gradient in each pass
  /// (GradientReducer).
  Tensor separate_loss = {};

  /// Adds losses, one after the other, and metrics.
  void add(const std::vector<Tensor>& terms, const std::map<std::string, Tensor>& metrics) {
    for (const auto& term : terms) loss = loss + term;
    parts.insert(metrics.begin(), metrics.end());
  }
};

/// A module with trained parameters and its name in the run's checkpoint.
struct TrainedModule {
  std::string name;
  torch::nn::Module* module;
  /// Names of frozen parameters. The stage allocates them.
  std::vector<std::string> frozen = {};
  /// The component of a checkpoint that holds the module's weights and the prefix of their names.
  /// An empty component: the module is used only in training.
  std::string component = {};
  std::string prefix = {};
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// A training objective for one part of a GLM-Image model. The loop (training_loop.h) handles the
/// optimizer, checkpoints and metrics.
///
/// All randomness depends only on the seed and the batch index, so a resumed run equals an
/// uninterrupted one, and a run on several ranks one on a single rank.
class Stage {
 public:
  virtual ~Stage() = default;

  virtual std::vector<TrainedModule> modules() = 0;
  /// Initialises the float32 master weights of one parameter.
  virtual void initialise(const std::string& name, Tensor& weight, at::Generator& random) = 0;

  /// Creates a batch maker for one loader thread. Makers run concurrently with each other and with
  /// forward().
  virtual BatchMaker batch_maker() = 0;
  virtual Outcome forward(const Batch& batch, int64_t batch_index) = 0;
  /// Called after the optimizer's step, for state that gradients do not train.
  virtual void after_step(int64_t /*step*/) {}
  /// What determines the stage's examples, which a resumed run must have again; appended to the
  /// run's identity (RunFolder::save_checkpoint).
  virtual std::string identity() const { return {}; }
  /// Additional tensors for the checkpoint, which are overwritten on resume.
  virtual NamedTensors state() { return {}; }

  /// Whether the stage can compute some rows of a batch with the numbers of the whole batch. It
  /// then takes its rows from own_share.
  virtual bool divides_rows() const { return false; }
  /// Called before batch_maker: batches hold this rank's rows alone. `ranks` must outlive the run.
  void divide_rows(Ranks& ranks) { ranks_ = &ranks; }

  /// Renders a sample grid. The modules hold the averaged weights.
  virtual Image sample_sheet() = 0;
  /// Writes the trained components, configs and weights, into `folder`. The modules hold the
  /// averaged weights.
  virtual void write_components(const std::filesystem::path& folder) = 0;

 protected:
  /// This rank's share of a batch of `rows` rows.
  BatchShare own_share(int64_t rows) const {
    return ranks_ == nullptr ? BatchShare(rows) : BatchShare(*ranks_, rows);
  }
  /// The share that `batch` holds. `own`: the number of its rows.
  BatchShare own_share(const Batch& batch, int64_t own) const {
    const auto total = batch.find(kTotalRows);
    return own_share(total == batch.end() ? own : total->second.item<int64_t>());
  }
  /// For own_share: the number of rows that all ranks have together.
  void keep_total(const BatchShare& share, Batch& batch) const {
    if (ranks_ != nullptr) batch.emplace(kTotalRows, torch::tensor(share.total()));
  }

 private:
  static constexpr const char* kTotalRows = "total_rows";
  Ranks* ranks_ = nullptr;  ///< null: batches are whole
};

}  // namespace glm_image::train
