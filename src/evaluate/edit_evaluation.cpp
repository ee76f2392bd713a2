#include "evaluate/edit_evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "glm_image/pipeline.h"
#include "image/codec.h"
#include "image/contact_sheet.h"
#include "nano/posters/renderer.h"

namespace glm_image::evaluate {
namespace {

/// Maximum number of edits on the sample grid, and per row.
constexpr std::size_t kEditsOnSheet = 40, kEditsPerRow = 8;

std::set<std::string> all_facts(const posters::Scene& scene) {
  std::set<std::string> facts{"poster.background"};
  if (scene.background.second) facts.insert("poster.second");
  for (std::size_t i = 0; i < scene.texts.size(); ++i) {
    for (const char* what : {"quoted", "colour", "place"}) {
      facts.insert(concat("texts[", i, "].", what));
    }
  }
  for (std::size_t i = 0; i < scene.pictograms.size(); ++i) {
    for (const char* what : {"name", "place"}) {
      facts.insert(concat("pictograms[", i, "].", what));
    }
  }
  return facts;
}

/// The indices of the first `count` edits of each kind.
std::vector<std::size_t> chosen_edits(const posters::EditSuite& suite,
                                      const EvaluationOptions& options) {
  std::map<posters::EditKind, int64_t> counts;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < suite.prompts.size(); ++i) {
    if (options.count && counts[suite.prompts[i].edit.kind]++ >= *options.count) continue;
    chosen.push_back(i);
  }
  return chosen;
}

/// Rows of references, pictures and true targets.
class EditSheet {
 public:
  void add(const Image& reference, const Image& picture, const Image& truth) {
    if (references_.size() >= kEditsOnSheet) return;
    references_.push_back(reference);
    pictures_.push_back(picture);
    truths_.push_back(truth);
  }
  void write(const std::filesystem::path& file) const {
    std::vector<std::vector<Image>> rows;
    for (std::size_t first = 0; first < references_.size(); first += kEditsPerRow) {
      const auto last = std::min(first + kEditsPerRow, references_.size());
      for (const auto* images : {&references_, &pictures_, &truths_}) {
        rows.emplace_back(images->begin() + static_cast<std::ptrdiff_t>(first),
                          images->begin() + static_cast<std::ptrdiff_t>(last));
      }
    }
    image::write_image(file, image::contact_sheet(rows));
  }

 private:
  std::vector<Image> references_, pictures_, truths_;
};

/// The sums over the edits of a kind.
struct KindScores {
  std::string kind;
  std::vector<const ScoredEdit*> edits;

  Proportion changed(EditScore ScoredEdit::*score) const {
    Proportion found;
    for (const auto* edit : edits) found.right += (edit->*score).changed ? 1 : 0;
    found.total = static_cast<int64_t>(edits.size());
    found.interval = wilson_interval(found.right, found.total);
    return found;
  }
  Proportion stayed(EditScore ScoredEdit::*score) const {
    Proportion found;
    std::vector<PictureSum> sums;
    for (const auto* edit : edits) {
      sums.push_back((edit->*score).stayed);
      found.right += std::llround(sums.back().sum);
      found.total += sums.back().count;
    }
    const bool all_alike = found.right == 0 || found.right == found.total;
    found.interval =
        all_alike ? wilson_interval(found.right, found.total) : bootstrap_interval(sums);
    return found;
  }
};

/// The kinds that have edits, then all edits.
std::vector<KindScores> by_kind(const std::vector<ScoredEdit>& edits) {
  std::vector<KindScores> kinds;
  KindScores all{"all", {}};
  for (int kind = 0; kind < posters::kEditKindCount; ++kind) {
    const auto value = static_cast<posters::EditKind>(kind);
    KindScores scores{std::string(posters::edit_kind_name(value)), {}};
    for (const auto& edit : edits) {
      if (edit.prompt.edit.kind == value) scores.edits.push_back(&edit);
    }
    all.edits.insert(all.edits.end(), scores.edits.begin(), scores.edits.end());
    if (!scores.edits.empty()) kinds.push_back(std::move(scores));
  }
  kinds.push_back(std::move(all));
  return kinds;
}

io::Json proportion_json(const Proportion& proportion) {
  return {{"right", proportion.right},
          {"total", proportion.total},
          {"share", proportion.share()},
          {"interval", {proportion.interval.low, proportion.interval.high}}};
}

io::Json edit_json(const EditScore& score) {
  auto judgements = io::Json::array();
  for (const auto& judgement : score.judgements) {
    judgements.push_back({{"measure", measure_name(judgement.measure)},
                          {"item", judgement.item},
                          {"wanted", judgement.wanted},
                          {"found", judgement.found},
                          {"right", judgement.is_right}});
  }
  return {{"changed", score.changed},
          {"stayed", score.stayed.sum},
          {"stayed_of", score.stayed.count},
          {"judgements", judgements}};
}

/// Whether a removed item is still there. Adds its judgements.
bool is_still_there(PictureScorer& scorer,
                    const posters::EditPrompt& prompt,
                    const Image& image,
                    EditScore& score) {
  if (prompt.edit.gone.texts.empty() && prompt.edit.gone.pictograms.empty()) return false;
  posters::SuitePrompt gone;
  gone.id = prompt.id;
  gone.width = prompt.width;
  gone.height = prompt.height;
  gone.scene = prompt.edit.gone;
  // A text is there if all its words are.
  std::map<std::string, bool> is_found;
  for (auto judgement : scorer.score(gone, image).judgements) {
    const auto entry = is_found.emplace(judgement.item, true).first;
    entry->second &= judgement.is_right;
    judgement.item = "gone." + judgement.item;
    score.judgements.push_back(std::move(judgement));
  }
  return std::any_of(
      is_found.begin(), is_found.end(), [](const auto& entry) { return entry.second; });
}

}  // namespace

posters::SuitePrompt as_suite_prompt(const posters::EditPrompt& prompt) {
  posters::SuitePrompt asked;
  asked.id = prompt.id;
  asked.width = prompt.width;
  asked.height = prompt.height;
  asked.caption = {prompt.edit.instruction, all_facts(prompt.edit.target)};
  asked.scene = prompt.edit.target;
  return asked;
}

EditScore score_edit(PictureScorer& scorer, const posters::EditPrompt& prompt, const Image& image) {
  EditScore score;
  score.changed = true;
  for (auto& judgement : scorer.score(as_suite_prompt(prompt), image).judgements) {
    if (prompt.edit.asked.count(judgement.item) > 0) {
      score.changed &= judgement.is_right;
    } else {
      ++score.stayed.count;
      score.stayed.sum += judgement.is_right ? 1 : 0;
    }
    score.judgements.push_back(std::move(judgement));
  }
  if (is_still_there(scorer, prompt, image, score)) score.changed = false;
  return score;
}

std::vector<ScoredEdit> evaluate_edits(const posters::EditSuite& suite,
                                       const posters::PosterSource& posters,
                                       const PictureSource& pictures,
                                       const EvaluationOptions& options,
                                       const EvaluationCallbacks& callbacks) {
  const auto chosen = chosen_edits(suite, options);
  create_folder(options.folder);
  posters::Renderer renderer(posters);
  PictureScorer scorer(posters);
  EditSheet sheet;
  std::vector<ScoredEdit> scored;
  for (const auto number : chosen) {
    if (callbacks.should_stop && callbacks.should_stop()) {
      fail(ErrorCode::kCancelled, "the evaluation was stopped");
    }
    const auto& prompt = suite.prompts[number];
    const auto draw = [&](const posters::Scene& scene) {
      posters.check(scene);
      return renderer.render(scene, prompt.width, prompt.height);
    };
    const auto truth = draw(prompt.edit.target);
    ScoredEdit entry{prompt, {}, score_edit(scorer, prompt, truth)};
    const auto picture = pictures ? pictures(as_suite_prompt(prompt), number) : truth;
    entry.picture = pictures ? score_edit(scorer, prompt, picture) : entry.truth;
    sheet.add(draw(prompt.edit.references.front()), picture, truth);
    scored.push_back(std::move(entry));
    if (callbacks.progress) {
      callbacks.progress(static_cast<int64_t>(scored.size()), static_cast<int64_t>(chosen.size()));
    }
  }
  sheet.write(options.folder / "edits.png");
  return scored;
}

io::Json edit_report_json(const std::string& suite,
                          const io::Json& source,
                          const std::vector<ScoredEdit>& edits) {
  auto kinds = io::Json::array(), all = io::Json::array();
  for (const auto& scores : by_kind(edits)) {
    const auto of = [&](EditScore ScoredEdit::*score) -> io::Json {
      return {{"changed", proportion_json(scores.changed(score))},
              {"stayed", proportion_json(scores.stayed(score))}};
    };
    kinds.push_back({{"kind", scores.kind},
                     {"edits", scores.edits.size()},
                     {"picture", of(&ScoredEdit::picture)},
                     {"truth", of(&ScoredEdit::truth)}});
  }
  for (const auto& scored : edits) {
    auto entry = edit_json(scored.picture);
    entry["id"] = scored.prompt.id;
    entry["prompt"] = scored.prompt.edit.instruction;
    entry["truth"] = edit_json(scored.truth);
    all.push_back(std::move(entry));
  }
  return {{"suite", suite},
          {"version", version()},
          {"source", source},
          {"kinds", kinds},
          {"edits", all}};
}

std::string edit_report_table(const std::vector<ScoredEdit>& edits) {
  std::string table =
      "kind of edit       edits   changed, 95 % interval   truth   stayed, 95 % "
      "interval    truth\n";
  for (const auto& scores : by_kind(edits)) {
    const auto changed = scores.changed(&ScoredEdit::picture);
    const auto stayed = scores.stayed(&ScoredEdit::picture);
    char line[200];
    std::snprintf(line,
                  sizeof line,
                  "  %-16s %5zu   %.3f  [%.3f, %.3f]   %.3f   %.3f  [%.3f, %.3f]   %.3f\n",
                  scores.kind.c_str(),
                  scores.edits.size(),
                  changed.share(),
                  changed.interval.low,
                  changed.interval.high,
                  scores.changed(&ScoredEdit::truth).share(),
                  stayed.share(),
                  stayed.interval.low,
                  stayed.interval.high,
                  scores.stayed(&ScoredEdit::truth).share());
    table += line;
  }
  return table;
}

}  // namespace glm_image::evaluate
