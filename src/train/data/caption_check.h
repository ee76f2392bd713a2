#pragma once

#include "pipeline/checkpoint.h"
#include "train/data/folder_dataset.h"

namespace glm_image::train {

/// Refuses the rows whose captions the checkpoint's generator cannot read, for example because a
/// caption and its picture's tokens do not fit the context (FolderDataset::refuse_rows).
void refuse_unreadable_captions(FolderDataset& data,
                                const AspectBuckets& buckets,
                                const pipeline::Checkpoint& checkpoint);

}  // namespace glm_image::train
