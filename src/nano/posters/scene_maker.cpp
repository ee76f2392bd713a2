#include "nano/posters/scene_maker.h"

#include <algorithm>

#include "nano/posters/colour_contrast.h"
#include "nano/posters/placing.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

class SceneMaker {
 public:
  SceneMaker(const PosterData& data,
             RandomStream& random,
             Split split,
             const PosterSource::Options& options)
      : data_(data), random_(random), split_(split), options_(options) {}

  bool attempt() {
    scene_ = {};
    texts_ = random_.between(options_.min_texts, options_.max_texts);
    pictograms_ = random_.between(options_.min_pictograms, options_.max_pictograms);
    choose_background();
    if (!choose_pictograms()) return false;
    for (int64_t i = 0; i < texts_; ++i) {
      if (!add_text()) return false;
    }
    constexpr int kLayouts = 12;
    for (int i = 0; i < kLayouts; ++i) {
      if (arrange()) return true;
    }
    return false;
  }

  Scene take() { return std::move(scene_); }

 private:
  void choose_background() {
    const auto& colours = data_.palette.colours();
    scene_.background.first = random_.pick(colours).colour;
    if (!random_.chance(options_.gradient_share)) return;
    const auto& second = random_.pick(colours).colour;
    if (second.id != scene_.background.first.id) scene_.background.second = second;
  }

  bool choose_pictograms() {
    std::vector<const Pictogram*> candidates;
    if (pictograms_ > 0) {
      for (const auto& pictogram : data_.pictograms.all()) {
        if (pairs_belong(scene_.background, pictogram.id, split_) &&
            is_visible_on(pictogram, scene_.background)) {
          candidates.push_back(&pictogram);
        }
      }
    }
    if (candidates.size() < static_cast<std::size_t>(pictograms_)) return false;
    for (int64_t i = 0; i < pictograms_; ++i) {
      const auto at = random_.below(candidates.size());
      scene_.pictograms.push_back({candidates[at]->id, Place::kCentre, kPictogramSizes.back()});
      candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return true;
  }

  bool add_text() {
    TextItem item;
    const bool can_break = may_break(texts_, pictograms_);
    auto words = data_.words.text(random_, split_, /*max_words=*/can_break ? 3 : 2);
    item.text = std::move(words.text);
    item.language = std::move(words.language);
    for (const auto& other : scene_.texts) {
      if (other.text == item.text) return false;
    }
    std::vector<double> weights;
    for (const auto& style : data_.lettering.styles()) weights.push_back(style.weight);
    const auto& style = data_.lettering.styles()[random_.pick_weighted(weights)];
    item.style = style.id;
    item.font = data_.lettering.faces()[random_.pick(style.faces)].family;
    if (!fit_lines(data_, item, can_break) || !choose_colour(item)) return false;
    scene_.texts.push_back(std::move(item));
    return true;
  }

  bool choose_colour(TextItem& item) {
    std::vector<Colour> candidates;
    for (const auto& named : data_.palette.colours()) {
      if (contrast_on(named.colour, scene_.background) >= kLeastContrast) {
        candidates.push_back(named.colour);
      }
    }
    if (candidates.empty()) return false;
    item.colour = random_.pick(candidates);
    return true;
  }

  /// Tries a random layout. Returns false if the scene does not fit it.
  bool arrange() {
    const auto places =
        data_.layouts.pick(random_, scene_.texts.size(), scene_.pictograms.size(), split_);
    Scene trial = scene_;
    for (std::size_t i = 0; i < trial.texts.size(); ++i) trial.texts[i].place = places.texts[i];
    for (std::size_t i = 0; i < trial.pictograms.size(); ++i) {
      trial.pictograms[i].place = places.pictograms[i];
    }
    if (!shrink_to_fit(data_, trial)) return false;
    scene_ = std::move(trial);
    return true;
  }

  const PosterData& data_;
  RandomStream& random_;
  Split split_;
  const PosterSource::Options& options_;
  Scene scene_;
  int64_t texts_ = 0;
  int64_t pictograms_ = 0;
};

void check_size(const char* what, double size, double smallest, double largest) {
  constexpr double kRounding = 1e-9;
  if (size >= smallest - kRounding && size <= largest + kRounding) return;
  fail(ErrorCode::kInvalidInput, what, " size ", size, " is not from ", smallest, " to ", largest);
}

}  // namespace

bool is_visible_on(const Pictogram& pictogram, const Background& background) {
  const auto hidden = [&](const Colour& colour) {
    const auto& on = pictogram.hidden_on;
    return std::find(on.begin(), on.end(), colour.id) != on.end();
  };
  return !hidden(background.first) && !(background.second && hidden(*background.second));
}

Scene make_scene(const PosterData& data,
                 RandomStream& random,
                 Split split,
                 const PosterSource::Options& options) {
  constexpr int kAttempts = 20000;
  SceneMaker maker(data, random, split, options);
  for (int i = 0; i < kAttempts; ++i) {
    if (maker.attempt()) return maker.take();
  }
  fail(ErrorCode::kCorruptFile, "the poster data give no scene with these options");
}

void check_scene(const PosterData& data, const Scene& scene) {
  if (scene.texts.size() > 9 || scene.pictograms.size() > 9) {
    fail(ErrorCode::kInvalidInput, "a scene has more texts or pictograms than places");
  }
  const auto& letters = data.words.letters();
  for (const auto& item : scene.texts) {
    std::string joined;
    for (const auto& line : item.lines) {
      joined += (joined.empty() ? "" : " ") + line;
      for (const auto& word : words_of(line)) {
        if (word.empty()) fail(ErrorCode::kInvalidInput, "a line of ", item.text, " has no words");
        for (const auto& point : text::code_points(word)) {
          if (std::binary_search(letters.begin(), letters.end(), point.value)) continue;
          fail(ErrorCode::kInvalidInput, item.text, " has letters that no word list has");
        }
      }
    }
    if (joined != item.text || item.text.empty()) {
      fail(ErrorCode::kInvalidInput, "the lines of the text ", item.text, " are not its own");
    }
    check_size("text", item.size, kTextSizes.front(), kTextSizes.back());
  }
  for (const auto& item : scene.pictograms) {
    check_size("pictogram", item.size, kPictogramSizes.front(), kPictogramSizes.back());
  }
  const auto reason = misfit(data, scene);
  if (!reason.empty()) fail(ErrorCode::kInvalidInput, reason);
}

}  // namespace glm_image::posters
