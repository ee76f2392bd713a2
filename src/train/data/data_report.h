#pragma once

#include <string>

#include "train/data/folder_dataset.h"
#include "train/translate.h"

namespace glm_image::train {

/// What `glm-image data check` prints: what is not used and why, the sizes with their pictures, the
/// captions with the texts that will be spelled. Pictures have the numbers of the contact sheet.
/// `translate` gets each heading and sentence.
std::string describe_data(const FolderDataset& data,
                          const AspectBuckets& buckets,
                          const Translate& translate = untranslated);

/// The first pictures as they are trained, scaled down and numbered from 1, with their references
/// before them. Empty without pictures.
Image data_sheet(const FolderDataset& data, const AspectBuckets& buckets);

}  // namespace glm_image::train
