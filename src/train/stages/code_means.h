#pragma once

#include <functional>

#include "train/batch/picture_codes.h"
#include "train/data/training_data.h"

namespace glm_image::train {

/// A feature map of an example, [1, channels, rows, columns] float32, for its picture at a size.
using FeatureMap = std::function<Tensor(TrainingExample& example, const Image& picture)>;

/// Average of a feature map over all tokens with the same code, as [codes, channels·cells·cells]
/// float32. Each token covers cells×cells positions of the map, ordered channels first. Codes that
/// none of the first `examples` examples uses get zeros. The pictures have the size `size`; null:
/// each its own.
Tensor mean_under_codes(ExampleReader& reader,
                        const PictureCodes& codes,
                        const FeatureMap& features,
                        int64_t examples,
                        const PictureSize* size = nullptr);

}  // namespace glm_image::train
