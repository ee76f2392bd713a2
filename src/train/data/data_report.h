#pragma once

#include <string>

#include "train/data/folder_dataset.h"
#include "train/translate.h"

namespace glm_image::train {

/// The output of `glm-image data check`: unused files and the reasons, the sizes with their
/// pictures, the captions with the texts to spell. Pictures are numbered as on the contact sheet.
/// `translate` gets each heading and sentence.
std::string describe_data(const FolderDataset& data,
                          const AspectBuckets& buckets,
                          const Translate& translate = untranslated);

/// The first pictures as they are trained, scaled down and numbered from 1, with their references
/// before them. Empty without pictures.
Image data_sheet(const FolderDataset& data, const AspectBuckets& buckets);

}  // namespace glm_image::train
