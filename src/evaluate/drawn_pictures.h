#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "glm_image/pipeline.h"
#include "io/json_file.h"
#include "posters/suite.h"

namespace glm_image::evaluate {

/// How an evaluation draws.
struct DrawingSettings {
  std::optional<int64_t> steps;    ///< where absent, the model's own
  std::optional<double> guidance;  ///< likewise
  uint64_t seed = 0;               ///< of the suite's first prompt; the next ones follow
  /// When given, the tokens of this picture are painted instead of the generator's: what falls
  /// short then is not the generator's fault.
  std::function<Image(const posters::SuitePrompt&)> tokens_from;
};

/// A model's pictures of a suite, kept as ID.png in a folder: what was drawn before a stop is not
/// drawn again. The folder remembers model and settings (pictures.json) and takes no other's.
class DrawnPictures {
 public:
  /// Creates the folder. Throws kOutput when that fails, and kInvalidInput when it holds pictures
  /// of another suite, model, state of the model's files, or settings. The pipeline must outlive
  /// it.
  DrawnPictures(Pipeline& pipeline,
                const std::string& suite,
                const DrawingSettings& settings,
                std::filesystem::path folder);

  /// `number` is the prompt's in the suite. Throws what Pipeline::generate throws: kCancelled when
  /// the callback returned false.
  Image picture(const posters::SuitePrompt& prompt,
                std::size_t number,
                const ProgressCallback& progress) const;

  /// Model and settings.
  const io::Json& description() const { return description_; }

 private:
  Pipeline& pipeline_;
  DrawingSettings settings_;
  std::filesystem::path folder_;
  io::Json description_;
};

}  // namespace glm_image::evaluate
