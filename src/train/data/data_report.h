#pragma once

#include <string>

#include "train/data/folder_dataset.h"

namespace glm_image::train {

/// The output of `glm-image data check`: unused files and the reasons, the sizes with their
/// pictures, the captions with the texts to spell. Pictures are numbered as on the contact sheet.
std::string describe_data(const FolderDataset& data, const AspectBuckets& buckets);

/// The first pictures as they are trained, scaled down and numbered from 1, with their references
/// before them. Empty without pictures.
Image data_sheet(const FolderDataset& data, const AspectBuckets& buckets);

}  // namespace glm_image::train
