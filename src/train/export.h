#pragma once

#include <filesystem>

namespace glm_image::train {

/// Joins what the stages wrote under `runs`/STAGE/components into a checkpoint in the published
/// layout, and beside it the teacher of its codes (scene_codes.h) if there is one, checks that it
/// is whole, and only then gives it its name. A model that was there is replaced; files beside its
/// layout (a model card) stay.
///
/// `base`: a model that gives the parts of stages without a run; empty for none.
///
/// Throws kNotFound naming the stage that is not trained yet, kOutput when the folder cannot be
/// written or holds something else than a model, and what loading throws for parts that do not fit.
void export_checkpoint(const std::filesystem::path& runs,
                       const std::filesystem::path& output,
                       const std::filesystem::path& base = {});

}  // namespace glm_image::train
