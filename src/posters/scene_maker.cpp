#include "posters/scene_maker.h"

#include <algorithm>
#include <cmath>

#include "posters/colour_contrast.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

/// Lines begin on the grid, up to half a step beside where they are centred.
constexpr double kMaxWidth = 1 - 2 * kMargin - kGrid / 2;
/// A wide text at the left may have its centre so far beyond the left third, not farther: it would
/// look as if it were in the middle.
constexpr double kReach = 0.04;
constexpr double kContrast = 3;
/// Kerning that widens a line is unknown to the metrics.
constexpr double kWidthReserve = 1.02;

/// The next smaller of these sizes; the same size where there is none.
template <typename Sizes>
double next_smaller(const Sizes& sizes, double size) {
  for (auto smaller = sizes.rbegin(); smaller != sizes.rend(); ++smaller) {
    if (*smaller < size) return *smaller;
  }
  return size;
}

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

/// Not beside a number, "13 h 55", nor one that leaves a scrap.
bool is_good_break(const std::string& text, std::size_t space) {
  constexpr std::size_t kShortestLine = 3;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return space >= kShortestLine && text.size() - space > kShortestLine &&
         !is_digit(text[space - 1]) && !is_digit(text[space + 1]);
}

/// The text on one line, and each way to break it at a space.
std::vector<std::vector<std::string>> breaks_of(const std::string& text, bool may_break) {
  std::vector<std::vector<std::string>> breaks{{text}};
  if (!may_break) return breaks;
  for (auto at = text.find(' '); at != std::string::npos; at = text.find(' ', at + 1)) {
    if (is_good_break(text, at)) breaks.push_back({text.substr(0, at), text.substr(at + 1)});
  }
  return breaks;
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

  bool is_visible(const Pictogram& pictogram) const {
    const auto hidden = [&](const Colour& colour) {
      const auto& on = pictogram.hidden_on;
      return std::find(on.begin(), on.end(), colour.id) != on.end();
    };
    return !hidden(scene_.background.first) &&
           !(scene_.background.second && hidden(*scene_.background.second));
  }

  bool choose_pictograms() {
    std::vector<const Pictogram*> candidates;
    if (pictograms_ > 0) {
      for (const auto& pictogram : data_.pictograms.all()) {
        if (pairs_belong(scene_.background, pictogram.id, split_) && is_visible(pictogram)) {
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
    const bool may_break = !(texts_ == 2 && pictograms_ > 0);
    item.text = data_.words.text(random_, split_, /*max_words=*/may_break ? 3 : 2);
    for (const auto& other : scene_.texts) {
      if (other.text == item.text) return false;
    }
    std::vector<double> weights;
    for (const auto& style : data_.lettering.styles()) weights.push_back(style.weight);
    const auto& style = data_.lettering.styles()[random_.pick_weighted(weights)];
    const auto face = random_.pick(style.faces);
    item.style = style.id;
    item.font = data_.lettering.faces()[face].family;
    if (!choose_lines(item, face, may_break) || !choose_colour(item)) return false;
    scene_.texts.push_back(std::move(item));
    return true;
  }

  bool choose_lines(TextItem& item, std::size_t face, bool may_break) {
    double largest = 0;
    for (auto& lines : breaks_of(item.text, may_break)) {
      const auto shape = shape_text(data_.metrics, face, lines);
      const double fitting = kMaxWidth / (shape.width * kWidthReserve);
      if (fitting > largest * 1.05) {
        largest = fitting;
        item.lines = std::move(lines);
      }
    }
    if (largest < kTextSizes.front()) return false;
    const auto fitting = std::upper_bound(kTextSizes.begin(), kTextSizes.end(), largest);
    item.size = *std::prev(fitting);
    return true;
  }

  bool choose_colour(TextItem& item) {
    std::vector<Colour> candidates;
    for (const auto& named : data_.palette.colours()) {
      if (contrast_on(named.colour, scene_.background) >= kContrast) {
        candidates.push_back(named.colour);
      }
    }
    if (candidates.empty()) return false;
    item.colour = random_.pick(candidates);
    return true;
  }

  /// Tries one layout, at smaller and smaller sizes.
  bool arrange() {
    const auto places =
        data_.layouts.pick(random_, scene_.texts.size(), scene_.pictograms.size(), split_);
    Scene trial = scene_;
    for (std::size_t i = 0; i < trial.texts.size(); ++i) trial.texts[i].place = places.texts[i];
    for (std::size_t i = 0; i < trial.pictograms.size(); ++i) {
      trial.pictograms[i].place = places.pictograms[i];
    }
    while (!fits(trial)) {
      if (!shrink(trial)) return false;
    }
    scene_ = std::move(trial);
    return true;
  }

  bool fits(const Scene& scene) const;

  /// The next smaller size of all pictograms, or else of all texts: sizes follow from what the
  /// scene shows and where, so that who reads its caption can foresee them.
  static bool shrink(Scene& scene) {
    const auto shrink_all = [](auto& items, const auto& sizes) {
      bool has_shrunk = false;
      for (auto& item : items) {
        const double smaller = next_smaller(sizes, item.size);
        has_shrunk |= smaller < item.size;
        item.size = smaller;
      }
      return has_shrunk;
    };
    return shrink_all(scene.pictograms, kPictogramSizes) || shrink_all(scene.texts, kTextSizes);
  }

  const PosterData& data_;
  RandomStream& random_;
  Split split_;
  const PosterSource::Options& options_;
  Scene scene_;
  int64_t texts_ = 0;
  int64_t pictograms_ = 0;
};

/// Why a scene does not fit the square of side 1, and with it any picture; empty when it does.
std::string misfit(const PosterData& data, const Scene& scene) {
  const auto placed = place_scene(data, scene, 1, 1);
  std::vector<Box> boxes = placed.pictograms;
  for (std::size_t i = 0; i < placed.texts.size(); ++i) {
    const auto& box = placed.texts[i];
    if (box.width * kWidthReserve > kMaxWidth || box.height > kMaxWidth ||
        !stands_at(scene.texts[i].place, box, 1, 1, kReach)) {
      return concat("the text ", scene.texts[i].text, " is too large for its place");
    }
    boxes.push_back(box);
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!are_apart(boxes[i], boxes[j])) return "two items of the scene stand too close";
    }
  }
  return {};
}

bool SceneMaker::fits(const Scene& scene) const {
  return misfit(data_, scene).empty();
}

void check_size(const char* what, double size, double smallest, double largest) {
  constexpr double kRounding = 1e-9;
  if (size >= smallest - kRounding && size <= largest + kRounding) return;
  fail(ErrorCode::kInvalidInput, what, " size ", size, " is not from ", smallest, " to ", largest);
}

}  // namespace

Scene make_scene(const PosterData& data,
                 RandomStream& random,
                 Split split,
                 const PosterSource::Options& options) {
  constexpr int kAttempts = 20000;
  SceneMaker maker(data, random, split, options);
  for (int i = 0; i < kAttempts; ++i) {
    if (maker.attempt()) return maker.take();
  }
  fail(ErrorCode::kCorruptFile, "the poster data give no scene with the wished options");
}

PlacedScene place_scene(const PosterData& data, const Scene& scene, double width, double height) {
  PlacedScene placed;
  for (const auto& item : scene.pictograms) {
    const auto& pictogram = data.pictograms.named(item.id);
    placed.pictograms.push_back(box_at(item.place,
                                       pictogram.relative_width() * item.size,
                                       pictogram.relative_height() * item.size,
                                       /*pen=*/0,
                                       /*base_line=*/0,
                                       width,
                                       height));
  }
  for (const auto& item : scene.texts) {
    const auto face = data.lettering.face_of(item.style, item.font);
    auto shape = spread_on_grid(shape_text(data.metrics, face, item.lines), item.size);
    const double first = shape.lines.at(0).base_line;
    const double between = shape.lines.back().base_line - first;
    auto box = box_at(item.place,
                      shape.width * item.size,
                      (kAscent + between + kDescent) * item.size,
                      -shape.lines[0].left * item.size,
                      kAscent * item.size,
                      width,
                      height);
    box.y += (kAscent - first) * item.size;
    box.height = shape.height * item.size;
    placed.texts.push_back(box);
    placed.shapes.push_back(std::move(shape));
  }
  return placed;
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
