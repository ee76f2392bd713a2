#include "train/data/features.h"

#include <set>

#include "core/content_hash.h"
#include "core/error.h"
#include "image/codec.h"
#include "image/resize.h"
#include "models/layout.h"
#include "pipeline/memory_plan.h"
#include "train/data/weights_hash.h"

namespace glm_image::train {
namespace {

const std::vector<std::string> kLatents = {"latents"};

/// A reference is scaled to its size, whose shape is nearly its own; a picture is cropped to it.
Image picture_at(const Image& picture, const PictureSize& size, bool is_reference) {
  return is_reference ? image::resize_lanczos(picture, size.width, size.height)
                      : fit_picture(picture, size).image;
}

Tensor encode_tokens(const models::GlmImageForConditionalGeneration& model,
                     const pipeline::Checkpoint& checkpoint,
                     const Image& image) {
  const auto grid = text::target_grid(image.height, image.width);
  const auto patches = pipeline::vision_patches(checkpoint.image_settings(), {image, grid});
  const auto features = model->visual->forward(
      patches.unsqueeze(0).to(checkpoint.placement().device), grid.height, grid.width);
  return model->vqmodel->encode(features.squeeze(0)).cpu().view({grid.height, grid.width});
}

}  // namespace

DataFeatures::DataFeatures(const FolderDataset& data,
                           const AspectBuckets& buckets,
                           const pipeline::Checkpoint& checkpoint,
                           int64_t max_reference_tokens,
                           const std::filesystem::path& cache)
    : data_(data), checkpoint_(checkpoint), cache_(cache) {
  const auto& folder = checkpoint.info().directory;
  vae_ = weights_hash(folder / models::kVae, {""});
  vision_ =
      weights_hash(folder / models::kVisionLanguage, {models::kVisualPrefix, models::kVqPrefix});
  for (const auto& row : data.rows()) {
    sizes_.push_back(buckets.of(row.picture.size.width, row.picture.size.height));
    auto& items = items_.emplace_back();
    items.push_back(item(row.picture, sizes_.back(), /*is_reference=*/false));
    for (const auto& reference : row.references) {
      const auto grid = pipeline::condition_grid(checkpoint.image_settings(),
                                                 reference.size.height,
                                                 reference.size.width,
                                                 max_reference_tokens,
                                                 reference.file.string());
      const PictureSize size{grid.width * text::kTokenSide, grid.height * text::kTokenSide};
      items.push_back(item(reference, size, /*is_reference=*/true));
    }
  }
}

DataFeatures::Item DataFeatures::item(const FolderDataset::Picture& picture,
                                      const PictureSize& size,
                                      bool is_reference) {
  const auto key = [&](const char* what, const std::string& weights) {
    ContentHash hash;
    hash.add_field(weights).add_field(picture.content);
    hash.add_number(size.width).add_number(size.height).add_number(is_reference ? 1 : 0);
    return what + hash.hex();
  };
  return {&picture, size, is_reference, key("latents-", vae_), key("tokens-", vision_)};
}

FittedPicture DataFeatures::geometry(int64_t row) const {
  return fit_geometry(data_.rows().at(row).picture.size, sizes_.at(row));
}

std::vector<std::string> DataFeatures::token_names(bool is_reference) {
  if (is_reference) return {"tokens"};
  return {"tokens", "preview"};
}

std::vector<const DataFeatures::Item*> DataFeatures::lacking(std::string Item::*key) const {
  std::vector<const Item*> items;
  std::set<std::string> seen;
  for (const auto& of_row : items_) {
    for (const auto& item : of_row) {
      const auto names = key == &Item::tokens_key ? token_names(item.is_reference) : kLatents;
      if (seen.insert(item.*key).second && !cache_.has(item.*key, names)) items.push_back(&item);
    }
  }
  return items;
}

void DataFeatures::compute(const Needs& needs, const Progress& progress) const {
  const at::NoGradGuard no_grad;
  if (needs.latents) compute_latents(progress);
  if (needs.tokens) compute_tokens(progress);
}

void DataFeatures::compute_latents(const Progress& progress) const {
  const auto items = lacking(&Item::latents_key);
  if (items.empty()) return;
  cache_.require_writable();
  const auto count = static_cast<int64_t>(items.size());
  const auto vae = checkpoint_.load_autoencoder({});
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& item = *items[i];
    const auto image =
        picture_at(image::read_image(item.picture->file), item.size, item.is_reference);
    const auto picture = pipeline::picture_tensor(image).to(checkpoint_.placement().device);
    const auto latents = vae->normalise(vae->encode(picture).mean).to(at::kFloat)[0];
    if (!latents.isfinite().all().item<bool>()) {
      fail(ErrorCode::kInternal,
           item.picture->file.string(),
           ": its latents are not finite; check the checkpoint's VAE");
    }
    cache_.write(item.latents_key, {{"latents", latents}});
    if (progress) progress("latents", static_cast<int64_t>(i + 1), count);
  }
}

void DataFeatures::compute_tokens(const Progress& progress) const {
  const auto items = lacking(&Item::tokens_key);
  if (items.empty()) return;
  cache_.require_writable();
  const auto count = static_cast<int64_t>(items.size());
  text::Grid largest;
  for (const auto* item : items) {
    const auto grid = text::target_grid(item->size.height, item->size.width);
    if (grid.size() > largest.size()) largest = grid;
  }
  const auto model = checkpoint_.load_vision({}, pipeline::plan_reading(checkpoint_, largest));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& item = *items[i];
    const auto original = image::read_image(item.picture->file);
    const auto tokens =
        encode_tokens(model, checkpoint_, picture_at(original, item.size, item.is_reference));
    std::map<std::string, Tensor> tensors = {{"tokens", tokens}};
    if (!item.is_reference) {
      const auto grid = text::preview_grid(text::target_grid(item.size.height, item.size.width));
      const PictureSize size{grid.width * text::kTokenSide, grid.height * text::kTokenSide};
      const bool same = size.width == item.size.width && size.height == item.size.height;
      tensors["preview"] =
          same ? tokens.clone()
               : encode_tokens(model, checkpoint_, fit_picture(original, size).image);
    }
    cache_.write(item.tokens_key, tensors);
    if (progress) progress("tokens", static_cast<int64_t>(i + 1), count);
  }
}

PictureFeatures DataFeatures::read(const Item& item, const Needs& needs) const {
  PictureFeatures features;
  if (needs.latents) features.latents = cache_.read(item.latents_key, kLatents).at("latents");
  if (needs.tokens) {
    const auto tokens = cache_.read(item.tokens_key, token_names(item.is_reference));
    features.tokens = tokens.at("tokens");
    if (!item.is_reference) features.preview = tokens.at("preview");
  }
  return features;
}

PictureFeatures DataFeatures::of_picture(int64_t row, const Needs& needs) const {
  return read(items_.at(row).front(), needs);
}

std::vector<PictureFeatures> DataFeatures::of_references(int64_t row, const Needs& needs) const {
  std::vector<PictureFeatures> features;
  const auto& items = items_.at(row);
  for (std::size_t i = 1; i < items.size(); ++i) features.push_back(read(items[i], needs));
  return features;
}

}  // namespace glm_image::train
