#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "train/data/feature_cache.h"
#include "train/data/folder_dataset.h"

namespace glm_image::train {

/// The models' inputs for a picture of a data set.
struct PictureFeatures {
  Tensor latents;  ///< [C, H, W] float32, the mean of the posterior, normalised
  Tensor tokens;   ///< [rows, columns] int64, visual tokens
  Tensor preview;  ///< [rows, columns] int64, of the preview grid; undefined for a reference
};

/// Latents (VAE in float32) and visual tokens of all pictures of a data set, computed once and
/// cached by the content of the picture, its size and the weights.
class DataFeatures {
 public:
  struct Needs {
    bool latents = true, tokens = true;
  };
  /// Called with the name of what is computed, the pictures done and their total; may throw to
  /// stop.
  using Progress = std::function<void(const char* what, int64_t done, int64_t total)>;

  /// The data set and the checkpoint must outlive this. `max_reference_tokens` limits the size of
  /// references. Throws kInvalidInput for a reference that the model cannot read.
  DataFeatures(const FolderDataset& data,
               const AspectBuckets& buckets,
               const pipeline::Checkpoint& checkpoint,
               int64_t max_reference_tokens,
               const std::filesystem::path& cache);

  /// Computes the features that are missing in the cache, picture by picture.
  void compute(const Needs& needs, const Progress& progress) const;

  /// Returns the computed features of the row's picture. Thread-safe.
  PictureFeatures of_picture(int64_t row, const Needs& needs) const;
  std::vector<PictureFeatures> of_references(int64_t row, const Needs& needs) const;

  /// The size that the row's picture is trained at, and how it is scaled and cropped to it.
  PictureSize size(int64_t row) const { return sizes_.at(row); }
  FittedPicture geometry(int64_t row) const;
  const FolderDataset& data() const { return data_; }

 private:
  struct Item {
    const FolderDataset::Picture* picture;
    PictureSize size;
    bool is_reference;
    std::string latents_key, tokens_key;
  };
  Item item(const FolderDataset::Picture& picture, const PictureSize& size, bool is_reference);
  PictureFeatures read(const Item& item, const Needs& needs) const;
  static std::vector<std::string> token_names(bool is_reference);
  std::vector<const Item*> lacking(std::string Item::*key) const;
  void compute_latents(const Progress& progress) const;
  void compute_tokens(const Progress& progress) const;

  const FolderDataset& data_;
  const pipeline::Checkpoint& checkpoint_;
  FeatureCache cache_;
  std::string vae_, vision_;  ///< ContentHash of the weights
  std::vector<PictureSize> sizes_;
  std::vector<std::vector<Item>> items_;  ///< of each row: its picture, then its references
};

}  // namespace glm_image::train
