#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/torch.h"
#include "glm_image/image.h"
#include "glm_image/pipeline.h"
#include "train/data/size_share.h"

namespace glm_image::train {

/// A picture to train on and what it shows. A data set derives from it and may add what its own
/// auxiliary losses need. Used by the thread of its ExampleReader.
class TrainingExample {
 public:
  virtual ~TrainingExample() = default;
  /// Returns the picture at a size whose sides are multiples of 32.
  virtual Image picture(const PictureSize& size) = 0;
  /// Loss weights of the cells of cell×cell pixels at `size`, [1, H/cell, W/cell] float32.
  /// Undefined: 1.
  virtual Tensor loss_weights(int64_t /*cell*/) const { return {}; }

  PictureSize size;  ///< at which it is trained
  std::string caption;
  std::vector<std::string> texts;  ///< to spell
  /// The picture before it was cropped to `size`, and the crop's upper left corner in it. They
  /// condition the transformer (Podell et al. 2024, SDXL, section 2.2).
  PictureSize scaled;
  int64_t crop_left = 0, crop_top = 0;
};

using TrainingExamplePtr = std::unique_ptr<TrainingExample>;

/// Reads the examples of a data set for one thread. It must outlive the examples.
class ExampleReader {
 public:
  virtual ~ExampleReader() = default;
  /// The examples of a batch, all of one size. They depend only on the seed and the index of the
  /// batch.
  virtual std::vector<TrainingExamplePtr> batch(int64_t batch_index) = 0;
  /// Example 0, 1, … of the training split, at a size of its own. Positions beyond the end of the
  /// data start again.
  virtual TrainingExamplePtr example(int64_t position) = 0;
  /// An example for a sample grid, of the evaluation split if there is one.
  virtual TrainingExamplePtr sample(int64_t position, const PictureSize& size) = 0;
};

/// The data that a stage trains on.
class TrainingData {
 public:
  virtual ~TrainingData() = default;
  /// Creates a reader for one more thread.
  virtual std::unique_ptr<ExampleReader> reader() const = 0;
  virtual std::vector<SizeShare> sizes() const = 0;
  /// What determines the examples, in words, for RunFolder::save_checkpoint. Empty: nothing.
  virtual std::string identity() const = 0;
};

}  // namespace glm_image::train
