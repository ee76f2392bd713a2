#pragma once

#include <filesystem>
#include <functional>

#include "glm_image/pipeline.h"
#include "io/json_file.h"
#include "nano/posters/suite.h"

namespace glm_image::evaluate {

/// Settings for generating the pictures of an evaluation.
struct DrawingSettings {
  /// Steps, guidance, speed, solver, guided, step_cache and best_of of all pictures, and the seed
  /// of the suite's first prompt; the next prompts count up from it. Prompt and size come from the
  /// suite.
  Request request;
  /// If set, visual tokens come from this picture instead of the generator, so that errors of the
  /// generator do not affect the score.
  std::function<Image(const posters::SuitePrompt&)> tokens_from;
  /// If set, the pictures to start from, for a suite of edits. `number` is the prompt's index.
  std::function<std::vector<Image>(std::size_t number)> references;
};

/// A model's pictures of a suite, stored as ID.png in a folder. A resumed evaluation reuses
/// existing pictures. The folder stores the model and the settings (pictures.json) and is valid for
/// these only.
class DrawnPictures {
 public:
  /// Creates the folder. Throws kOutput if that fails, and kInvalidInput if it has pictures of
  /// another suite, model, version of the model's files, or settings. `pipeline` must outlive this
  /// object.
  DrawnPictures(Pipeline& pipeline,
                const std::string& suite,
                const DrawingSettings& settings,
                std::filesystem::path folder);

  /// Returns the picture of a prompt, generating it if the folder does not have it. `number` is the
  /// prompt's index in the suite. Throws as Pipeline::generate does.
  Image picture(const posters::SuitePrompt& prompt,
                std::size_t number,
                const ProgressCallback& progress) const;

  /// The model and the settings.
  const io::Json& description() const { return description_; }

 private:
  Pipeline& pipeline_;
  DrawingSettings settings_;
  std::filesystem::path folder_;
  io::Json description_;
};

}  // namespace glm_image::evaluate
