// The pictures of bench/bench_fine_tuning and its verdict.
//   fine_tuning_data make DATA_FOLDER OUT   writes what is trained on and the held-out prompts
//   fine_tuning_data verdict OUT PART       reads the evaluations of a PART, symbol or style;
//                                           fails if a score is too low
//
// The symbol is a pictogram that nano was not trained on, under a name that no caption has.
// OUT/data is a copy of the data folder with this pictogram, so that the evaluation's recogniser
// (evaluate/pictogram_matcher.h) tells it from all the others. The style is a chequered frame.

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "nano/posters/poster_data.h"
#include "nano/posters/renderer.h"
#include "nano/posters/suite.h"
#include "support/command_line.h"
#include "support/frame.h"

namespace {

using namespace glm_image;
namespace fs = std::filesystem;

constexpr const char* kSymbol = "zorblax";
constexpr const char* kSymbolCharacters = "🍄";
constexpr int64_t kSide = 256;
constexpr int kTrainingPictures = 30, kHeldOut = 30;
constexpr uint64_t kTrainingSeed = 410, kHeldOutSeed = 411, kStyleSeed = 412;

/// OUT/data: the data folder, and its pictograms with the symbol.
void copy_data(const fs::path& data, const fs::path& out) {
  fs::create_directories(out);
  fs::copy(data, out / "data", fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  const auto file = out / "data" / "posters" / "pictograms.json";
  auto json = io::read_json_file(file);
  json["pictograms"].push_back({{"id", kSymbol},
                                {"characters", kSymbolCharacters},
                                {"french", io::Json::array({concat("un ", kSymbol)})},
                                {"english", io::Json::array({concat("a ", kSymbol)})}});
  write_file_atomically(file, json.dump(1) + "\n");
}

bool hides(const posters::Pictogram& symbol, const posters::Background& background) {
  for (const auto& id : symbol.hidden_on) {
    if (background.first.id == id || (background.second && background.second->id == id)) {
      return true;
    }
  }
  return false;
}

/// Posters with the symbol, captions in French and English alternately.
std::vector<posters::Poster> symbol_posters(const posters::PosterSource& source,
                                            posters::Split split,
                                            uint64_t seed,
                                            int count) {
  posters::PosterSource::Options options;
  options.seed = seed;
  options.max_texts = 1;
  options.min_pictograms = options.max_pictograms = 1;
  const auto& symbol = source.data().pictograms.named(kSymbol);
  std::vector<posters::Poster> found;
  constexpr uint64_t kMostTried = 100000;
  for (uint64_t index = 0; static_cast<int>(found.size()) < count; ++index) {
    if (index == kMostTried) fail(ErrorCode::kInternal, "the symbol fits into too few posters");
    auto scene = source.scene(index, split, options);
    scene.pictograms.front().id = kSymbol;
    try {
      source.check(scene);
    } catch (const Error&) {
      continue;  // The symbol has another shape and does not fit here.
    }
    if (hides(symbol, scene.background)) continue;
    auto caption = source.worded(scene, index);
    const bool is_english = caption.text.find(concat("a ", kSymbol)) != std::string::npos;
    if (is_english != (found.size() % 2 == 1)) continue;
    found.push_back({std::move(scene), std::move(caption)});
  }
  return found;
}

void write_example(const fs::path& folder,
                   int number,
                   const Image& image,
                   const std::string& text) {
  const auto name = folder / concat(number < 10 ? "0" : "", number, ".png");
  image::write_image(name, image);
  write_file_atomically(fs::path(name).replace_extension(".txt"), text + "\n");
}

void make(const fs::path& data, const fs::path& out) {
  copy_data(data, out);
  const auto source = posters::PosterSource::load(out / "data" / "posters");
  posters::Renderer renderer(source);
  fs::create_directories(out / "symbol-pictures");
  fs::create_directories(out / "style-pictures");
  int number = 0;
  for (const auto& poster :
       symbol_posters(source, posters::Split::kTraining, kTrainingSeed, kTrainingPictures)) {
    write_example(out / "symbol-pictures",
                  number++,
                  renderer.render(poster.scene, kSide, kSide),
                  poster.caption.text);
  }
  posters::PosterSource::Options options;
  options.seed = kStyleSeed;
  options.max_texts = options.max_pictograms = 1;
  for (int i = 0; i < kTrainingPictures; ++i) {
    const auto poster = source.poster(static_cast<uint64_t>(i), posters::Split::kTraining, options);
    auto image = renderer.render(poster.scene, kSide, kSide);
    bench::add_frame(image);
    write_example(out / "style-pictures", i, image, poster.caption.text);
  }
  posters::Suite suite;
  suite.name = "symbol";
  for (auto& poster : symbol_posters(source, posters::Split::kEvaluation, kHeldOutSeed, kHeldOut)) {
    posters::SuitePrompt prompt;
    const auto digits = std::to_string(suite.prompts.size() + 1);
    prompt.id = concat("1-", std::string(3 - digits.size(), '0'), digits);
    prompt.caption = std::move(poster.caption);
    prompt.scene = std::move(poster.scene);
    suite.prompts.push_back(std::move(prompt));
  }
  // Last: it says that all is there.
  write_file_atomically(out / "symbol.json", suite.to_json().dump(1) + "\n");
}

struct Count {
  int right = 0, total = 0;
  double share() const { return total == 0 ? 0 : static_cast<double>(right) / total; }
};

/// The judgements about pictograms in a report: of the symbol, or of all others.
Count pictograms_in(const fs::path& folder, bool is_symbol) {
  Count count;
  const auto report = io::read_json_file(folder / "report.json");
  for (const auto& prompt : report.at("prompts")) {
    for (const auto& judgement : prompt.at("judgements")) {
      if (judgement.at("measure") != "pictograms") continue;
      if ((judgement.at("wanted") == kSymbol) != is_symbol) continue;
      ++count.total;
      count.right += judgement.at("right").get<bool>() ? 1 : 0;
    }
  }
  return count;
}

Count frames_in(const fs::path& folder) {
  Count count;
  const auto report = io::read_json_file(folder / "report.json");
  for (const auto& prompt : report.at("prompts")) {
    const auto file = folder / (prompt.at("id").get<std::string>() + ".png");
    ++count.total;
    count.right += bench::has_frame(image::read_image(file)) ? 1 : 0;
  }
  return count;
}

bool print(const char* what, const Count& before, const Count& after, bool is_good) {
  std::printf("%-28s base %3d of %3d   adapter %3d of %3d   %s\n",
              what,
              before.right,
              before.total,
              after.right,
              after.total,
              is_good ? "ok" : "TOO LOW");
  return is_good;
}

constexpr double kLeastRight = 0.8, kMostLost = 0.03;

bool symbol_verdict(const fs::path& out) {
  const auto before = pictograms_in(out / "symbol-base", true);
  const auto after = pictograms_in(out / "symbol-adapter", true);
  const auto others_before = pictograms_in(out / "others-base", false);
  const auto others = pictograms_in(out / "others-adapter", false);
  bool good = print("symbol", before, after, after.share() >= kLeastRight);
  good &= print("other pictograms",
                others_before,
                others,
                others.share() >= others_before.share() - kMostLost);
  return good;
}

bool style_verdict(const fs::path& out) {
  const auto before = frames_in(out / "style-base");
  const auto after = frames_in(out / "style-adapter");
  return print("frame", before, after, after.share() >= kLeastRight);
}

bool verdict(const fs::path& out, const std::string& part) {
  if (part == "symbol") return symbol_verdict(out);
  if (part == "style") return style_verdict(out);
  fail(ErrorCode::kInvalidInput, "'", part, "' is not one of symbol, style");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::make_or_judge(
      argc, argv, "make DATA_FOLDER OUT | verdict OUT symbol|style", make, verdict);
}
