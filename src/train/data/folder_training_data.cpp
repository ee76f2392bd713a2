#include "train/data/folder_training_data.h"

#include <algorithm>

#include "core/error.h"
#include "image/codec.h"
#include "text/glyph_texts.h"
#include "train/config/stage_keys.h"

namespace glm_image::train {
namespace {

class FolderExample : public TrainingExample {
 public:
  FolderExample(const FolderDataset::Row& row, const PictureSize& trained)
      : file_(row.picture.file) {
    size = trained;
    caption = row.caption;
    texts = text::glyph_texts(caption, text::GlyphRules::kSmart);
    const auto geometry = fit_geometry(row.picture.size, size);
    scaled = geometry.scaled;
    crop_left = geometry.left;
    crop_top = geometry.top;
  }
  Image picture(const PictureSize& wanted) override {
    return fit_picture(image::read_image(file_), wanted).image;
  }

 private:
  std::filesystem::path file_;
};

}  // namespace

class FolderTrainingData::Reader : public ExampleReader {
 public:
  explicit Reader(const FolderTrainingData& data) : data_(data) {}

  std::vector<TrainingExamplePtr> batch(int64_t batch_index) override {
    std::vector<TrainingExamplePtr> examples;
    for (const int64_t index : data_.sampler_->batch(batch_index)) {
      examples.push_back(example(index));
    }
    return examples;
  }
  TrainingExamplePtr example(int64_t position) override {
    const int64_t index = position % data_.data_->size();
    return at_size(index, data_.size_of(index));
  }
  /// The pictures of this size in their order, from the first again after the last.
  TrainingExamplePtr sample(int64_t position, const PictureSize& size) override {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < data_.data_->size(); ++i) {
      const auto own = data_.size_of(i);
      if (own.width == size.width && own.height == size.height) indices.push_back(i);
    }
    GLM_IMAGE_CHECK(!indices.empty(), "no picture has ", size.width, "x", size.height, " pixels");
    return at_size(indices[position % static_cast<int64_t>(indices.size())], size);
  }

 private:
  TrainingExamplePtr at_size(int64_t index, const PictureSize& size) const {
    const auto& row = data_.data_->rows().at(data_.data_->row_of(index));
    return std::make_unique<FolderExample>(row, size);
  }

  const FolderTrainingData& data_;
};

FolderTrainingData::FolderTrainingData(const TrainingConfig& config) {
  const auto keys = config.read<FolderKeys>();
  if (keys.size % text::kTokenSide != 0) {
    config.fields.refuse("size", concat("a multiple of ", text::kTokenSide));
  }
  data_.emplace(FolderOptions{config.data, keys.trigger});
  for (const auto& refused : data_->refused()) {
    config.warnings->push_back(concat(config.data.string(), ": not used: ", refused));
  }
  for (const auto& warning : data_->warnings()) {
    config.warnings->push_back(concat(config.data.string(), ": ", warning));
  }
  if (data_->size() == 0) {
    fail(ErrorCode::kInvalidInput, config.data.string(), ": has no picture that can be used");
  }
  const AspectBuckets buckets(keys.size);
  for (int64_t i = 0; i < data_->size(); ++i) {
    const auto& picture = data_->rows().at(data_->row_of(i)).picture;
    const auto size = buckets.of(picture.size.width, picture.size.height);
    const auto same = std::find_if(sizes_.begin(), sizes_.end(), [&](const PictureSize& other) {
      return other.width == size.width && other.height == size.height;
    });
    buckets_.push_back(same - sizes_.begin());
    if (same == sizes_.end()) sizes_.push_back(size);
  }
  sampler_.emplace(buckets_, config.batch, config.seed);
}

std::unique_ptr<ExampleReader> FolderTrainingData::reader() const {
  return std::make_unique<Reader>(*this);
}

std::vector<SizeShare> FolderTrainingData::sizes() const {
  std::vector<SizeShare> shares;
  for (const auto& size : sizes_) shares.push_back({size.width, size.height, 0});
  for (const int64_t bucket : buckets_) shares[bucket].share += 1;
  return shares;
}

std::string FolderTrainingData::identity() const {
  std::string sizes;
  for (const auto& size : sizes_) sizes += concat(" ", size.width, "x", size.height);
  return concat(" data ", data_->content(), sizes);
}

}  // namespace glm_image::train
