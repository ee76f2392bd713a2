#include "evaluate/evaluation.h"

#include <map>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "image/codec.h"
#include "image/contact_sheet.h"
#include "nano/posters/renderer.h"

namespace glm_image::evaluate {
namespace {

namespace fs = std::filesystem;

/// Maximum number of pictures of a tier on its sheet; more are hard to inspect.
constexpr std::size_t kOnSheet = 40;
constexpr std::size_t kColumns = 8;

/// Indices in the suite of the selected prompts.
std::vector<std::size_t> chosen_prompts(const posters::Suite& suite,
                                        const EvaluationOptions& options) {
  std::map<int, int64_t> counts;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < suite.prompts.size(); ++i) {
    const int tier = suite.prompts[i].tier;
    if (options.tier && tier != *options.tier) continue;
    if (options.count && counts[tier] >= *options.count) continue;
    ++counts[tier];
    chosen.push_back(i);
  }
  if (chosen.empty()) {
    fail(ErrorCode::kInvalidInput, "the suite ", suite.name, " has no prompt of this tier");
  }
  return chosen;
}

class Sheets {
 public:
  void add(int tier, const Image& picture, const Image* truth) {
    auto& sheet = sheets_[tier];
    if (sheet.pictures.size() >= kOnSheet) return;
    sheet.pictures.push_back(picture);
    if (truth != nullptr) sheet.truths.push_back(*truth);
  }

  void write(const fs::path& folder) const {
    for (const auto& [tier, sheet] : sheets_) {
      std::vector<std::vector<Image>> rows;
      for (std::size_t first = 0; first < sheet.pictures.size(); first += kColumns) {
        for (const auto* images : {&sheet.pictures, &sheet.truths}) {
          if (first >= images->size()) continue;
          const auto last = std::min(first + kColumns, images->size());
          rows.emplace_back(images->begin() + static_cast<std::ptrdiff_t>(first),
                            images->begin() + static_cast<std::ptrdiff_t>(last));
        }
      }
      image::write_image(folder / concat("sheet-", tier, ".png"), image::contact_sheet(rows));
    }
  }

 private:
  struct Sheet {
    std::vector<Image> pictures, truths;
  };
  std::map<int, Sheet> sheets_;
};

}  // namespace

PictureSource pictures_in(const fs::path& folder) {
  return [folder](const posters::SuitePrompt& prompt, std::size_t) {
    return image::read_image(folder / (prompt.id + ".png"));
  };
}

void score_each(const std::vector<std::size_t>& numbers,
                const fs::path& folder,
                const EvaluationCallbacks& callbacks,
                const std::function<void(std::size_t number)>& score) {
  create_folder(folder);
  int64_t done = 0;
  for (const auto number : numbers) {
    if (callbacks.should_stop && callbacks.should_stop()) {
      fail(ErrorCode::kCancelled, "the evaluation was stopped");
    }
    score(number);
    if (callbacks.progress) callbacks.progress(++done, static_cast<int64_t>(numbers.size()));
  }
}

std::vector<ScoredPrompt> evaluate(const posters::Suite& suite,
                                   const posters::PosterSource& posters,
                                   const PictureSource& pictures,
                                   const EvaluationOptions& options,
                                   const EvaluationCallbacks& callbacks) {
  posters::Renderer renderer(posters);
  PictureScorer scorer(posters);
  Sheets sheets;
  std::vector<ScoredPrompt> scored;
  const auto score = [&](std::size_t number) {
    const auto& prompt = suite.prompts[number];
    posters.check(prompt.scene);
    const auto truth = renderer.render(prompt.scene, prompt.width, prompt.height);
    ScoredPrompt entry{prompt, {}, scorer.score(prompt, truth)};
    if (pictures) {
      const auto picture = pictures(prompt, number);
      entry.picture = scorer.score(prompt, picture);
      sheets.add(prompt.tier, picture, &truth);
    } else {
      entry.picture = entry.truth;
      sheets.add(prompt.tier, truth, nullptr);
    }
    scored.push_back(std::move(entry));
  };
  score_each(chosen_prompts(suite, options), options.folder, callbacks, score);
  sheets.write(options.folder);
  return scored;
}

}  // namespace glm_image::evaluate
