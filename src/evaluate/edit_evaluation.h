#pragma once

#include "evaluate/evaluation.h"
#include "nano/posters/edit_suite.h"

namespace glm_image::evaluate {

/// The score of a picture that a model made of an edit.
struct EditScore {
  /// Whether all that the instruction asks for is right, and what it removes or replaces is gone. A
  /// text is gone unless all its words are found.
  bool changed = false;
  /// The judgements of everything else: background, words, pictograms, colours and places.
  PictureSum stayed;
  std::vector<Judgement> judgements;  ///< all, those of removed items with `item` "gone.texts[0]"
};

struct ScoredEdit {
  posters::EditPrompt prompt;
  EditScore picture, truth;
};

/// The edit as a prompt of a suite: the scene is the target, and `says` has all facts of it, since
/// the first picture or the instruction determines each.
posters::SuitePrompt as_suite_prompt(const posters::EditPrompt& prompt);

EditScore score_edit(PictureScorer& scorer, const posters::EditPrompt& prompt, const Image& image);

/// Scores the pictures of a suite of edits as `evaluate` does for posters. `options.count`: the
/// first edits of each kind; `options.tier` has no meaning. Writes edits.png: rows of first
/// references, pictures and true targets.
std::vector<ScoredEdit> evaluate_edits(const posters::EditSuite& suite,
                                       const posters::PosterSource& posters,
                                       const PictureSource& pictures,
                                       const EvaluationOptions& options,
                                       const EvaluationCallbacks& callbacks);

/// {suite, version, source, kinds: [{kind, edits, picture: {changed, stayed}, truth}], edits: […]}.
/// The last kind is "all".
io::Json edit_report_json(const std::string& suite,
                          const io::Json& source,
                          const std::vector<ScoredEdit>& edits);
std::string edit_report_table(const std::vector<ScoredEdit>& edits);

}  // namespace glm_image::evaluate
