#include "evaluate/report.h"

#include <cstdio>
#include <set>

#include "glm_image/pipeline.h"

namespace glm_image::evaluate {
namespace {

struct TierScores {
  int tier = 0;
  int64_t prompts = 0;
  TierScore picture, truth;
};

std::vector<TierScores> sum_up(const std::vector<ScoredPrompt>& prompts) {
  std::vector<TierScores> tiers;
  for (int tier = 1; tier <= 3; ++tier) {
    TierScores scores;
    scores.tier = tier;
    for (const auto& scored : prompts) {
      if (scored.prompt.tier != tier) continue;
      ++scores.prompts;
      scores.picture.add(scored.picture);
      scores.truth.add(scored.truth);
    }
    if (scores.prompts > 0) tiers.push_back(std::move(scores));
  }
  return tiers;
}

/// The words of the texts of each language, over all tiers. Texts without a language are left out.
struct LanguageScores {
  std::string language;
  TierScore picture, truth;
};

std::vector<LanguageScores> sum_up_languages(const std::vector<ScoredPrompt>& prompts) {
  std::set<std::string> names;
  for (const auto& scored : prompts) {
    for (const auto& text : scored.prompt.scene.texts) {
      if (!text.language.empty()) names.insert(text.language);
    }
  }
  std::vector<LanguageScores> languages;
  for (const auto& name : names) {
    LanguageScores scores{name, {}, {}};
    for (const auto& scored : prompts) {
      const auto& texts = scored.prompt.scene.texts;
      const auto of_language = [&](const PromptScore& score) {
        PromptScore part;
        for (const auto& judgement : score.judgements) {
          for (std::size_t i = 0; i < texts.size(); ++i) {
            if (texts[i].language == name && judgement.item == concat("texts[", i, "]")) {
              part.judgements.push_back(judgement);
            }
          }
        }
        return part;
      };
      scores.picture.add(of_language(scored.picture));
      scores.truth.add(of_language(scored.truth));
    }
    languages.push_back(std::move(scores));
  }
  return languages;
}

Proportion words_of_language(const TierScore& score) {
  return score.of({Measure::kWordRead, Measure::kWordCompared});
}

io::Json interval_json(const Interval& interval) {
  return {interval.low, interval.high};
}

/// Every proportion under its name, except those without judgements.
std::vector<std::pair<std::string, Proportion>> proportions_of(const TierScore& score) {
  std::vector<std::pair<std::string, Proportion>> found;
  for (const auto& reported : reported_scores()) {
    const auto proportion = score.of(reported.measures);
    if (proportion.total > 0) found.emplace_back(reported.name, proportion);
  }
  found.emplace_back("whole pictures", score.whole_pictures());
  return found;
}

io::Json score_json(const TierScore& score) {
  io::Json json;
  for (const auto& [name, proportion] : proportions_of(score)) {
    json[name] = proportion_json(proportion);
  }
  json["similarity"] = {{"mean", mean_of(score.similarities())},
                        {"interval", interval_json(bootstrap_interval(score.similarities()))}};
  return json;
}

io::Json prompt_json(const PromptScore& score) {
  return {{"judgements", judgements_json(score.judgements)}, {"similarities", score.similarities}};
}

std::string printed(const std::string& name,
                    double picture,
                    const Interval& interval,
                    double truth,
                    const std::string& counted) {
  char line[160];
  std::snprintf(line,
                sizeof line,
                "  %-20s %.3f  [%.3f, %.3f]   %.3f   %s\n",
                name.c_str(),
                picture,
                interval.low,
                interval.high,
                truth,
                counted.c_str());
  return line;
}

}  // namespace

io::Json proportion_json(const Proportion& proportion) {
  return {{"right", proportion.right},
          {"total", proportion.total},
          {"share", proportion.share()},
          {"interval", interval_json(proportion.interval)}};
}

io::Json judgements_json(const std::vector<Judgement>& judgements) {
  auto all = io::Json::array();
  for (const auto& judgement : judgements) {
    all.push_back({{"measure", measure_name(judgement.measure)},
                   {"item", judgement.item},
                   {"wanted", judgement.wanted},
                   {"found", judgement.found},
                   {"right", judgement.is_right}});
  }
  return all;
}

io::Json report_json(const std::string& suite,
                     const io::Json& source,
                     const std::vector<ScoredPrompt>& prompts) {
  auto tiers = io::Json::array();
  for (const auto& scores : sum_up(prompts)) {
    tiers.push_back({{"tier", scores.tier},
                     {"prompts", scores.prompts},
                     {"picture", score_json(scores.picture)},
                     {"truth", score_json(scores.truth)}});
  }
  auto languages = io::Json::array();
  for (const auto& scores : sum_up_languages(prompts)) {
    languages.push_back({{"language", scores.language},
                         {"words", proportion_json(words_of_language(scores.picture))},
                         {"truth", proportion_json(words_of_language(scores.truth))}});
  }
  auto all = io::Json::array();
  for (const auto& scored : prompts) {
    auto entry = prompt_json(scored.picture);
    entry["id"] = scored.prompt.id;
    entry["tier"] = scored.prompt.tier;
    entry["prompt"] = scored.prompt.caption.text;
    entry["truth"] = prompt_json(scored.truth);
    all.push_back(std::move(entry));
  }
  return {{"suite", suite},
          {"version", version()},
          {"source", source},
          {"tiers", tiers},
          {"languages", languages},
          {"prompts", all}};
}

std::string report_table(const std::vector<ScoredPrompt>& prompts) {
  std::string table;
  for (const auto& scores : sum_up(prompts)) {
    table += concat("tier ",
                    scores.tier,
                    ", ",
                    scores.prompts,
                    " prompts         picture, 95 % interval   truth   counted\n");
    const auto pictures = proportions_of(scores.picture), truths = proportions_of(scores.truth);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const auto& [name, picture] = pictures[i];
      table += printed(name,
                       picture.share(),
                       picture.interval,
                       truths.at(i).second.share(),
                       concat(picture.right, " of ", picture.total));
    }
    int64_t words = 0;
    for (const auto& picture : scores.picture.similarities()) words += picture.count;
    table += printed("similarity of words",
                     mean_of(scores.picture.similarities()),
                     bootstrap_interval(scores.picture.similarities()),
                     mean_of(scores.truth.similarities()),
                     concat(words, " words"));
  }
  const auto languages = sum_up_languages(prompts);
  if (!languages.empty()) table += "words by language\n";
  for (const auto& scores : languages) {
    const auto picture = words_of_language(scores.picture);
    table += printed(scores.language,
                     picture.share(),
                     picture.interval,
                     words_of_language(scores.truth).share(),
                     concat(picture.right, " of ", picture.total));
  }
  return table;
}

}  // namespace glm_image::evaluate
