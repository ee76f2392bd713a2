// The pairs of bench/bench_fine_tuning, which an editing adapter learns from, and their verdict.
//   fine_tuning_pairs make DATA_FOLDER OUT      writes the pairs and the held-out requests
//   fine_tuning_pairs verdict DATA_FOLDER OUT   reads what was drawn; fails if a score is too low
//
// A pair is a card, which is a background with a pictogram, and the same card in a frame. All pairs
// have one caption, so that only the reference tells which card to draw. A drawn picture shows its
// reference's card if of all held-out cards in the frame this one is the nearest, by the mean
// absolute difference of pixels. Chance is one in kHeldOut.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/error.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "nano/posters/renderer.h"
#include "support/command_line.h"
#include "support/frame.h"

namespace {

using namespace glm_image;
namespace fs = std::filesystem;

constexpr const char* kCaption = "The same card in a frame";
constexpr int64_t kSide = 256;
constexpr int kTrainingPairs = 400, kHeldOut = 20;
constexpr uint64_t kTrainingSeed = 420, kHeldOutSeed = 421;

std::string background_name(const posters::Background& background) {
  return concat(background.first.id, "-", background.second ? background.second->id : "");
}

/// Cards. The held-out ones have pairs of background colour and pictogram that the others do not
/// have (nano/posters/split.h), and each has another background.
std::vector<posters::Scene> cards(const posters::PosterSource& source, posters::Split split) {
  const bool is_held_out = split == posters::Split::kEvaluation;
  const auto count = static_cast<std::size_t>(is_held_out ? kHeldOut : kTrainingPairs);
  posters::PosterSource::Options options;
  options.seed = is_held_out ? kHeldOutSeed : kTrainingSeed;
  options.max_texts = options.min_pictograms = options.max_pictograms = 1;
  std::vector<posters::Scene> found;
  std::set<std::string> backgrounds;
  for (uint64_t index = 0; found.size() < count; ++index) {
    auto scene = source.scene(index, split, options);
    scene.texts.clear();
    const bool is_new = backgrounds.insert(background_name(scene.background)).second;
    if (is_new || !is_held_out) found.push_back(std::move(scene));
  }
  return found;
}

class CardRenderer {
 public:
  explicit CardRenderer(const posters::PosterSource& source) : renderer_(source) {}
  Image plain(const posters::Scene& card) { return renderer_.render(card, kSide, kSide); }
  Image framed(const posters::Scene& card) {
    auto image = plain(card);
    bench::add_frame(image);
    return image;
  }

 private:
  posters::Renderer renderer_;
};

void make(const fs::path& data, const fs::path& out) {
  const auto source = posters::PosterSource::load(data);
  CardRenderer renderer(source);
  create_folder(out / "edit-pictures" / "before");
  create_folder(out / "edit-pictures" / "after");
  create_folder(out / "edit-held-out");
  std::string rows, requests;
  int number = 0;
  for (const auto& card : cards(source, posters::Split::kTraining)) {
    const auto before = concat("before/", number, ".png"), after = concat("after/", number, ".png");
    image::write_image(out / "edit-pictures" / before, renderer.plain(card));
    image::write_image(out / "edit-pictures" / after, renderer.framed(card));
    rows += io::Json{{"file_name", after}, {"text", kCaption}, {"reference", before}}.dump() + "\n";
    ++number;
  }
  number = 0;
  for (const auto& card : cards(source, posters::Split::kEvaluation)) {
    const auto before = concat("edit-held-out/", number, ".png");
    image::write_image(out / before, renderer.plain(card));
    const io::Json request = {{"prompt", kCaption},
                              {"references", io::Json::array({before})},
                              {"seed", number},
                              {"name", concat("card-", number)}};
    requests += request.dump() + "\n";
    ++number;
  }
  write_file_atomically(out / "edit-pictures" / "metadata.jsonl", rows);
  // Last: it says that all is there.
  write_file_atomically(out / "edits.jsonl", requests);
}

double mean_difference(const Image& a, const Image& b) {
  if (a.pixels.size() != b.pixels.size()) fail(ErrorCode::kInternal, "a picture has another size");
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

/// The pictures of a batch in the order of its lines.
std::vector<Image> drawn(const fs::path& folder) {
  std::vector<Image> images;
  const auto summary = io::read_json_file(folder / "summary.json");
  for (const auto& line : summary.at("lines")) {
    images.push_back(image::read_image(folder / line.at("files").at(0).get<std::string>()));
  }
  if (images.size() != kHeldOut) fail(ErrorCode::kInternal, folder.string() + ": has gaps");
  return images;
}

struct Scores {
  int own = 0;         ///< pictures whose nearest card is that of their reference
  int pictograms = 0;  ///< the same among their reference's background with each pictogram
  int frames = 0;
  int edits = 0;  ///< pictures with both the card of their reference and the frame
  double to_own = 0, to_others = 0;  ///< mean differences
};

Scores scores_of(const fs::path& folder,
                 const std::vector<posters::Scene>& held_out,
                 CardRenderer& renderer) {
  Scores scores;
  const auto images = drawn(folder);
  for (std::size_t i = 0; i < kHeldOut; ++i) {
    const double own = mean_difference(images[i], renderer.framed(held_out[i]));
    bool is_nearest = true, has_pictogram = true;
    for (std::size_t other = 0; other < kHeldOut; ++other) {
      if (other == i) continue;
      const double difference = mean_difference(images[i], renderer.framed(held_out[other]));
      scores.to_others += difference / (kHeldOut * (kHeldOut - 1));
      is_nearest = is_nearest && own < difference;
      auto changed = held_out[i];
      changed.pictograms.front().id = held_out[other].pictograms.front().id;
      if (changed.pictograms.front().id == held_out[i].pictograms.front().id) continue;
      has_pictogram = has_pictogram && own < mean_difference(images[i], renderer.framed(changed));
    }
    scores.to_own += own / kHeldOut;
    scores.own += is_nearest ? 1 : 0;
    scores.pictograms += has_pictogram ? 1 : 0;
    const bool has_frame = bench::has_frame(images[i]);
    scores.frames += has_frame ? 1 : 0;
    scores.edits += is_nearest && has_frame ? 1 : 0;
  }
  return scores;
}

void print(const char* what, int before, int after, const char* judgement = "") {
  std::printf("%-28s base %3d of %3d   adapter %3d of %3d   %s\n",
              what,
              before,
              kHeldOut,
              after,
              kHeldOut,
              judgement);
}

bool verdict(const fs::path& data, const fs::path& out) {
  // Of 20 pictures that do not depend on their reference, five or more show its card once in 390
  // times.
  constexpr int kMostByChance = 4;
  constexpr double kLeastRight = 0.8 * kHeldOut;
  const auto source = posters::PosterSource::load(data);
  CardRenderer renderer(source);
  const auto held_out = cards(source, posters::Split::kEvaluation);
  const auto before = scores_of(out / "edit-base", held_out, renderer);
  const auto after = scores_of(out / "edit-adapter", held_out, renderer);
  const bool good = before.edits <= kMostByChance && after.edits >= kLeastRight;
  print("edits that are right", before.edits, after.edits, good ? "ok" : "MISSED");
  print("card of the reference", before.own, after.own);
  print("frame", before.frames, after.frames);
  print("pictogram of the reference", before.pictograms, after.pictograms);
  std::printf("difference from the right card: base %.1f, adapter %.1f; from others: %.1f, %.1f\n",
              before.to_own,
              after.to_own,
              before.to_others,
              after.to_others);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::make_or_judge(
      argc, argv, "make DATA_FOLDER OUT | verdict DATA_FOLDER OUT", make, verdict);
}
