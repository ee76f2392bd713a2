#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::train {

/// A file or folder that the run of a stage writes into its components.
struct ExportedPart {
  std::string stage, name;
};

/// Joins the components that the stages wrote to `runs`/STAGE/components into one checkpoint in the
/// published layout, and `optional_parts`, where they exist, next to them. The checkpoint is
/// assembled in a temporary folder, validated and then renamed to `output`. An existing model is
/// replaced; other files in its folder, such as a model card, are kept.
///
/// `base`: a checkpoint that provides the components of stages without a run; may be empty.
///
/// Throws kNotFound naming the stage that has not been trained. Throws kOutput if the folder cannot
/// be written or contains something other than a model. Throws the errors of Checkpoint::open if
/// the components do not fit together.
void export_checkpoint(const std::filesystem::path& runs,
                       const std::filesystem::path& output,
                       const std::filesystem::path& base = {},
                       const std::vector<ExportedPart>& optional_parts = {});

}  // namespace glm_image::train
