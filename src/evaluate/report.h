#pragma once

#include "evaluate/tier_score.h"
#include "io/json_file.h"

namespace glm_image::evaluate {

/// One prompt of the suite, the score of its picture, and the score of the ground truth, which
/// measures the scorer's own errors.
struct ScoredPrompt {
  posters::SuitePrompt prompt;
  PromptScore picture, truth;
};

/// {right, total, share, interval: [low, high]}.
io::Json proportion_json(const Proportion& proportion);
/// [{measure, item, wanted, found, right}].
io::Json judgements_json(const std::vector<Judgement>& judgements);

/// {suite, version, source, tiers: [{tier, prompts, picture: {words: {right, total, share,
/// interval}, …, similarity: {mean, interval}}, truth: …}], languages: [{language, words:
/// {right, total, share, interval}, truth: …}], prompts: [{id, tier, prompt, judgements,
/// similarities, truth: …}]}. `source` describes where the pictures come from. Languages are those
/// of the texts (posters::TextItem::language), over all tiers.
io::Json report_json(const std::string& suite,
                     const io::Json& source,
                     const std::vector<ScoredPrompt>& prompts);

/// Formats the scores as a table for a terminal, without the single prompts.
std::string report_table(const std::vector<ScoredPrompt>& prompts);

}  // namespace glm_image::evaluate
