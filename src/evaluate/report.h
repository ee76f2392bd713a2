#pragma once

#include "evaluate/tier_score.h"
#include "io/json_file.h"

namespace glm_image::evaluate {

/// One prompt of the suite, the score of its picture and that of the ground truth: what the readers
/// make of a faultless picture.
struct ScoredPrompt {
  posters::SuitePrompt prompt;
  PromptScore picture, truth;
};

/// {suite, version, source, tiers: [{tier, prompts, picture: {words: {right, total, share,
/// interval}, …, similarity: {mean, interval}}, truth: …}], prompts: [{id, tier, prompt,
/// judgements, similarities, truth: …}]}. `source` tells where the pictures come from.
io::Json report_json(const std::string& suite,
                     const io::Json& source,
                     const std::vector<ScoredPrompt>& prompts);

/// The same for a terminal, without the single prompts.
std::string report_table(const std::vector<ScoredPrompt>& prompts);

}  // namespace glm_image::evaluate
