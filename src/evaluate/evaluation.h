#pragma once

#include <filesystem>
#include <functional>

#include "evaluate/report.h"

namespace glm_image::evaluate {

/// The picture of a prompt: drawn by a model, read from a folder, or another stage's work. `number`
/// is the prompt's in the suite.
using PictureSource = std::function<Image(const posters::SuitePrompt& prompt, std::size_t number)>;

/// ID.png of a folder; throws kNotFound for one that is missing.
PictureSource pictures_in(const std::filesystem::path& folder);

struct EvaluationOptions {
  std::optional<int> tier;
  std::optional<int64_t> count;  ///< of each tier, the first ones
  std::filesystem::path folder;  ///< of the report and the contact sheets
};

struct EvaluationCallbacks {
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> should_stop;
};

/// Scores the pictures of a suite, each beside the ground truth's, and writes sheet-N.png for each
/// tier: rows of pictures with the ground truth below them. Without a source the ground truth is
/// scored alone, as picture and as truth. Throws kCancelled when told to stop, kOutput when the
/// folder cannot be written, and what the source and PictureScorer::score throw.
std::vector<ScoredPrompt> evaluate(const posters::Suite& suite,
                                   const posters::PosterSource& posters,
                                   const PictureSource& pictures,
                                   const EvaluationOptions& options,
                                   const EvaluationCallbacks& callbacks);

}  // namespace glm_image::evaluate
