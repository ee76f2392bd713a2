#include "train/data/caption_check.h"

#include "pipeline/compose.h"

namespace glm_image::train {

void refuse_unreadable_captions(FolderDataset& data,
                                const AspectBuckets& buckets,
                                const pipeline::Checkpoint& checkpoint) {
  data.refuse_rows([&](const FolderDataset::Row& row) {
    const auto size = buckets.of(row.picture.size.width, row.picture.size.height);
    pipeline::ComposeInput input;
    input.prompt = row.caption;
    input.target = text::target_grid(size.height, size.width);
    pipeline::prompt_ids(checkpoint, input);
  });
}

}  // namespace glm_image::train
