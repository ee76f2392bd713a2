#include "evaluate/report.h"

#include <cstdio>

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

io::Json interval_json(const Interval& interval) {
  return {interval.low, interval.high};
}

/// Every proportion under its name, those without a judgement left out.
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
    json[name] = {{"right", proportion.right},
                  {"total", proportion.total},
                  {"share", proportion.share()},
                  {"interval", interval_json(proportion.interval)}};
  }
  json["similarity"] = {{"mean", mean_of(score.similarities())},
                        {"interval", interval_json(bootstrap_interval(score.similarities()))}};
  return json;
}

io::Json prompt_json(const PromptScore& score) {
  auto judgements = io::Json::array();
  for (const auto& judgement : score.judgements) {
    judgements.push_back({{"measure", measure_name(judgement.measure)},
                          {"wanted", judgement.wanted},
                          {"found", judgement.found},
                          {"right", judgement.is_right}});
  }
  return {{"judgements", judgements}, {"similarities", score.similarities}};
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
  return table;
}

}  // namespace glm_image::evaluate
