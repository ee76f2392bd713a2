// Measures the reader of --verify, and what --best-of gains, on the suite of posters. Prints the
// tables of docs/verification.md.
//   bench_verification DATA_FOLDER                             the reader's errors on true posters
//   bench_verification DATA_FOLDER MODEL OUT [N] [SECONDS]     right words, plain and best of N
// DATA_FOLDER holds posters/ and suites/. With a model, it draws the prompts of the three tiers in
// turn, for so many seconds if a number is given. A prompt is drawn once: its first candidate is
// the plain picture. OUT/prompts.jsonl keeps what each prompt gave: a run that was stopped
// continues there.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/seconds_since.h"
#include "core/text_format.h"
#include "evaluate/drawn_pictures.h"
#include "evaluate/intervals.h"
#include "evaluate/picture_scorer.h"
#include "evaluate/similar_letters.h"
#include "glm_image/pipeline.h"
#include "io/json_text.h"
#include "nano/posters/renderer.h"
#include "nano/posters/suite.h"
#include "reading/text_verifier.h"
#include "reading/word_score.h"
#include "support/command_line.h"

namespace {

using namespace glm_image;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kTiers = 3;

struct Counts {
  int64_t right = 0, all = 0;
  void add(bool is_right) {
    right += is_right ? 1 : 0;
    ++all;
  }
  void add(const Counts& others) {
    right += others.right;
    all += others.all;
  }
};

/// "119 of 122 (97.5 %)"
std::string share_text(const Counts& counts) {
  if (counts.all == 0) return "–";
  char percent[32];
  std::snprintf(percent,
                sizeof percent,
                "%.1f",
                100 * static_cast<double>(counts.right) / static_cast<double>(counts.all));
  return concat(counts.right, " of ", counts.all, " (", percent, " %)");
}

/// A row of a table in Markdown: a cell for each tier.
template <typename Cell>
void print_row(const std::string& name, const Cell& cell) {
  std::string line = concat("| ", name, " |");
  for (int tier = 1; tier <= kTiers; ++tier) line += concat(' ', cell(tier), " |");
  std::printf("%s\n", line.c_str());
}

void print_head() {
  print_row("", [](int tier) { return concat("tier ", tier); });
  std::printf("| --- | --- | --- | --- |\n");
}

/// The numbers of the suite's prompts in the order 1-001, 2-001, 3-001, 1-002, …
std::vector<std::size_t> by_turns(const posters::Suite& suite) {
  std::map<std::string, std::size_t> order;
  for (std::size_t i = 0; i < suite.prompts.size(); ++i) {
    const auto& prompt = suite.prompts[i];
    order[concat(prompt.id.substr(2), '-', prompt.tier)] = i;
  }
  std::vector<std::size_t> numbers;
  for (const auto& entry : order) numbers.push_back(entry.second);
  return numbers;
}

/// The text with one plausible spelling error; empty if no word of it allows one.
std::string misspelled(const std::string& text) {
  const auto words = evaluate::words_one_letter_away(text);
  return words.empty() ? "" : words[words.size() / 2];
}

bool has_reliable_letters(const std::string& text) {
  for (const auto& word : reading::compared_words(text)) {
    if (!reading::can_be_read(word)) return false;
  }
  return true;
}

/// How often the reader misses a text that a true poster shows, and how often it finds a text that
/// the poster shows with one letter changed.
void measure_reader(const posters::Suite& suite, const posters::PosterSource& source) {
  posters::Renderer renderer(source);
  const auto verifier = reading::make_text_verifier();
  std::map<int, Counts> found, reliable, fooled;
  double seconds = 0;
  int pictures = 0;
  for (const auto& prompt : suite.prompts) {
    std::vector<std::string> texts, wrong;
    for (const auto& text : prompt.scene.texts) {
      texts.push_back(text.text);
      // What the poster shows is wrong, if this is what was asked for.
      const auto other = misspelled(text.text);
      if (!other.empty() && has_reliable_letters(other)) wrong.push_back(other);
    }
    const auto image = renderer.render(prompt.scene, prompt.width, prompt.height);
    const auto begin = Clock::now();
    for (const auto& check : verifier->verify(image, texts)) {
      const bool is_found = check.state == TextState::kFound;
      found[prompt.tier].add(is_found);
      if (has_reliable_letters(check.text)) reliable[prompt.tier].add(is_found);
    }
    seconds += seconds_since(begin);
    ++pictures;
    for (const auto& check : verifier->verify(image, wrong)) {
      fooled[prompt.tier].add(check.state == TextState::kFound);
    }
    if (pictures % 20 == 0) std::fprintf(stderr, "%d of %zu\n", pictures, suite.prompts.size());
  }
  print_head();
  print_row("texts found", [&](int tier) { return share_text(found[tier]); });
  print_row("those of a to z, é, è, digits", [&](int tier) { return share_text(reliable[tier]); });
  print_row("one letter changed: wrongly found",
            [&](int tier) { return share_text(fooled[tier]); });
  std::printf("\n%d posters, %.2f s each to read.\n", pictures, seconds / pictures);
}

/// Keeps the first picture that it reads, and what it read.
class KeepingVerifier : public TextVerifier {
 public:
  void require(const std::vector<std::string>& texts) const override { verifier_->require(texts); }
  std::vector<TextCheck> verify(const Image& image,
                                const std::vector<std::string>& texts) override {
    auto checks = verifier_->verify(image, texts);
    if (first.pixels.empty()) {
      first = image;
      first_checks = checks;
    }
    return checks;
  }
  Image first;
  std::vector<TextCheck> first_checks;

 private:
  std::unique_ptr<TextVerifier> verifier_ = reading::make_text_verifier();
};

/// Words of a picture that are right, and whether the reader found all of its texts.
struct Outcome {
  Counts words;
  bool all_found = false;
};

Outcome outcome_of(const evaluate::PromptScore& score, const std::vector<TextCheck>& checks) {
  Outcome outcome;
  for (const auto& judgement : score.judgements) {
    const bool is_word = judgement.measure == evaluate::Measure::kWordRead ||
                         judgement.measure == evaluate::Measure::kWordCompared;
    if (is_word) outcome.words.add(judgement.is_right);
  }
  outcome.all_found = all_texts_right(checks);
  return outcome;
}

/// What a prompt gave: a line of prompts.jsonl.
struct PromptResult {
  std::string id;
  int tier = 0;
  int64_t candidates = 0;
  double seconds = 0;
  Outcome plain, best;
};

io::Json to_json(const Outcome& outcome) {
  return {{"right", outcome.words.right},
          {"words", outcome.words.all},
          {"all_found", outcome.all_found}};
}

io::Json to_json(const PromptResult& result) {
  return {{"id", result.id},
          {"tier", result.tier},
          {"candidates", result.candidates},
          {"seconds", result.seconds},
          {"plain", to_json(result.plain)},
          {"best", to_json(result.best)}};
}

Outcome outcome_from(const io::Json& json) {
  Outcome outcome;
  outcome.words = {json.at("right").get<int64_t>(), json.at("words").get<int64_t>()};
  outcome.all_found = json.at("all_found").get<bool>();
  return outcome;
}

/// The whole lines of a file; the last may have been cut off.
std::vector<PromptResult> read_results(const fs::path& file) {
  std::vector<PromptResult> results;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto json = io::Json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    results.push_back({json.at("id").get<std::string>(),
                       json.at("tier").get<int>(),
                       json.at("candidates").get<int64_t>(),
                       json.at("seconds").get<double>(),
                       outcome_from(json.at("plain")),
                       outcome_from(json.at("best"))});
  }
  return results;
}

void print_results(const std::vector<PromptResult>& results, int64_t best_of) {
  std::map<int, Counts> plain, best, plain_found, best_found;
  std::map<int, std::vector<evaluate::PictureSum>> change;
  double candidates = 0, seconds = 0;
  for (const auto& result : results) {
    plain[result.tier].add(result.plain.words);
    best[result.tier].add(result.best.words);
    plain_found[result.tier].add(result.plain.all_found);
    best_found[result.tier].add(result.best.all_found);
    change[result.tier].push_back(
        {static_cast<double>(result.best.words.right - result.plain.words.right),
         result.plain.words.all});
    candidates += static_cast<double>(result.candidates);
    seconds += result.seconds;
  }
  const auto several = concat("`--best-of ", best_of, '`');
  print_head();
  print_row("words right, plain", [&](int tier) { return share_text(plain[tier]); });
  print_row("words right, " + several, [&](int tier) { return share_text(best[tier]); });
  print_row("difference in points, 95 % interval", [&](int tier) {
    const auto interval = evaluate::bootstrap_interval(change[tier]);
    char text[64];
    std::snprintf(text,
                  sizeof text,
                  "%+.1f [%+.1f, %+.1f]",
                  100 * evaluate::mean_of(change[tier]),
                  100 * interval.low,
                  100 * interval.high);
    return std::string(text);
  });
  print_row("posters with all texts found, plain",
            [&](int tier) { return share_text(plain_found[tier]); });
  print_row("posters with all texts found, " + several,
            [&](int tier) { return share_text(best_found[tier]); });
  const auto count = static_cast<double>(results.size());
  std::printf("\n%zu posters, %.2f candidates and %.1f s each.\n",
              results.size(),
              candidates / count,
              seconds / count);
}

void measure_model(const posters::Suite& suite,
                   const posters::PosterSource& source,
                   const std::string& model,
                   const fs::path& folder,
                   int64_t best_of,
                   double budget) {
  const auto verifier = std::make_shared<KeepingVerifier>();
  PipelineOptions options;
  options.verifier = verifier;
  options.residency = Residency::kAll;
  auto pipeline = Pipeline::load(model, options);
  evaluate::DrawingSettings settings;
  settings.request.seed = 1;
  settings.request.best_of = best_of;
  // Refuses a folder of another model or with another N.
  const evaluate::DrawnPictures check(pipeline, suite.name, settings, folder);
  auto results = read_results(folder / "prompts.jsonl");
  std::set<std::string> done;
  for (const auto& result : results) done.insert(result.id);
  // Ends a line that was cut off.
  std::ofstream lines(folder / "prompts.jsonl", std::ios::app);
  lines << '\n';
  evaluate::PictureScorer scorer(source);
  const auto begin = Clock::now();
  for (const auto number : by_turns(suite)) {
    const auto& prompt = suite.prompts[number];
    if (done.count(prompt.id) != 0) continue;
    if (seconds_since(begin) > budget) break;
    auto request = settings.request;
    request.prompt = prompt.caption.text;
    request.width = prompt.width;
    request.height = prompt.height;
    // Candidates have the seeds behind it.
    request.seed += static_cast<uint64_t>(number) * 16;
    verifier->first = {};
    const auto prompt_begin = Clock::now();
    const auto drawn = pipeline.generate(request);
    PromptResult result;
    result.id = prompt.id;
    result.tier = prompt.tier;
    result.candidates = drawn.candidates;
    result.seconds = seconds_since(prompt_begin);
    result.plain = outcome_of(scorer.score(prompt, verifier->first), verifier->first_checks);
    const auto& best = drawn.pictures.front();
    result.best = outcome_of(scorer.score(prompt, best.image), best.verification);
    lines << io::json_text(to_json(result)) << std::endl;
    if (!lines) fail(ErrorCode::kOutput, folder.string(), ": prompts.jsonl cannot be written");
    results.push_back(std::move(result));
    std::fprintf(stderr,
                 "%zu of %zu: %s, %.1f s\n",
                 results.size(),
                 suite.prompts.size(),
                 prompt.id.c_str(),
                 seconds_since(prompt_begin));
  }
  if (results.empty()) fail(ErrorCode::kInvalidInput, "no prompt was drawn: give more seconds");
  print_results(results, best_of);
}

void run(const std::vector<std::string>& arguments) {
  const fs::path data = arguments[0];
  const auto source = posters::PosterSource::load(data / "posters");
  const auto suite = posters::Suite::load(data / "suites" / "posters.json");
  if (arguments.size() == 1) return measure_reader(suite, source);
  if (arguments.size() == 2) fail(ErrorCode::kInvalidInput, "a model needs a folder OUT");
  measure_model(
      suite,
      source,
      arguments[1],
      arguments[2],
      arguments.size() > 3 ? std::stoll(arguments[3]) : 4,
      arguments.size() > 4 ? std::stod(arguments[4]) : std::numeric_limits<double>::infinity());
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_with_arguments(argc, argv, "DATA_FOLDER [MODEL OUT [N [SECONDS]]]", 1, 5, run);
}
