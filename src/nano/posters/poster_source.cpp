#include "nano/posters/poster_source.h"

#include "nano/posters/caption_writer.h"
#include "nano/posters/defaults.h"
#include "nano/posters/scene_maker.h"

namespace glm_image::posters {
namespace {

CaptionGrammar load_grammar(const std::filesystem::path& file, const Lettering& lettering) {
  auto grammar = CaptionGrammar::load(file);
  for (int i = 0; i < kPlaceCount; ++i) {
    grammar.require(concat("place.", place_name(static_cast<Place>(i))));
  }
  for (const auto& style : lettering.styles()) grammar.require("style." + style.id);
  return grammar;
}

}  // namespace

PosterSource PosterSource::load(const std::filesystem::path& data_folder) {
  auto palette = Palette::load(data_folder / "colours.json");
  auto lettering = Lettering::load(data_folder / "styles.json");
  auto pictograms = Pictograms::load(data_folder / "pictograms.json");
  auto words = WordSource::load(data_folder);
  auto french = load_grammar(data_folder / "captions" / "french.json", lettering);
  auto english = load_grammar(data_folder / "captions" / "english.json", lettering);
  // Load the emoji font alone: other fonts have black glyphs for some of the same characters.
  pictograms.draw(FontRoom({find_typeface(pictograms.face())}), palette);
  std::vector<std::filesystem::path> font_files;
  for (const auto& face : lettering.faces()) font_files.push_back(find_typeface(face));
  auto letters = words.letters();
  letters.push_back(U' ');
  LetterMetrics metrics(FontRoom(font_files), lettering.faces(), letters);
  return PosterSource(std::make_shared<const PosterData>(PosterData{std::move(palette),
                                                                    std::move(lettering),
                                                                    std::move(pictograms),
                                                                    std::move(words),
                                                                    std::move(french),
                                                                    std::move(english),
                                                                    LayoutChoice(),
                                                                    std::move(font_files),
                                                                    std::move(metrics)}));
}

Scene PosterSource::scene(uint64_t index, Split split, const Options& options) const {
  const auto in_order = [](int low, int min, int max) {
    return low <= min && min <= max && max <= 2;
  };
  if (!in_order(1, options.min_texts, options.max_texts) ||
      !in_order(0, options.min_pictograms, options.max_pictograms)) {
    fail(ErrorCode::kInvalidInput, "posters have 1 to 2 texts and 0 to 2 pictograms");
  }
  if (!(options.gradient_share >= 0 && options.gradient_share <= 1)) {
    fail(ErrorCode::kInvalidInput, "the share of gradients must be from 0 to 1");
  }
  const uint64_t of_split = split == Split::kEvaluation ? 1 : 0;
  RandomStream random(mix_bits(mix_bits(options.seed * 2 + of_split) + index));
  return make_scene(*data_, random, split, options);
}

Caption PosterSource::worded(const Scene& scene, uint64_t index) const {
  RandomStream random(mix_bits(index) ^ stable_hash("caption"));
  return write_caption(*data_, scene, random);
}

Poster PosterSource::poster(uint64_t index, Split split, const Options& options) const {
  const auto drawn = scene(index, split, options);
  auto caption = worded(drawn, index);
  auto settled = with_defaults(*data_, drawn, caption.says, split);
  return {std::move(settled), std::move(caption)};
}

void PosterSource::check(const Scene& scene) const {
  check_scene(*data_, scene);
}

}  // namespace glm_image::posters
