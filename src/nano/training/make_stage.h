#pragma once

#include <memory>

#include "train/config/training_config.h"
#include "train/stage.h"
#include "train/weights/export.h"

namespace glm_image::nano {

/// Creates the stage that a config names. If its data are those of posters (data/posters), the
/// stage trains on posters with nano's auxiliary losses, and the stage "vq" is TeacherVqStage.
/// Otherwise it is train::make_stage. Throws as that does.
std::unique_ptr<train::Stage> make_stage(const train::TrainingConfig& config,
                                         const at::Device& device);

/// Whether ranks can compute parts of a batch of this stage (Stage::divides_rows), without making
/// the stage.
bool divides_batches(const train::TrainingConfig& config);

/// Whether a folder has the data of posters.
bool is_poster_data(const std::filesystem::path& folder);

/// What runs on posters write in addition to the components of a checkpoint: the teacher of the
/// codes, for further training.
std::vector<train::ExportedPart> exported_parts();

}  // namespace glm_image::nano
