#include "nano/posters/defaults.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "nano/posters/colour_contrast.h"
#include "nano/posters/placing.h"

namespace glm_image::posters {
namespace {

/// Thick strokes are legible at small sizes.
constexpr const char* kStyle = "bold";

/// `first`, followed by all other places.
std::vector<Place> all_places(std::vector<Place> first) {
  for (int i = 0; i < kPlaceCount; ++i) {
    const auto place = static_cast<Place>(i);
    if (std::find(first.begin(), first.end(), place) == first.end()) first.push_back(place);
  }
  return first;
}

std::vector<Place> places_for_text(const Scene& scene, std::size_t index) {
  if (scene.texts.size() > 1) {
    return index == 0 ? all_places({Place::kTop, Place::kCentre, Place::kBottom})
                      : all_places({Place::kBottom, Place::kCentre, Place::kTop});
  }
  if (scene.pictograms.empty()) return all_places({Place::kCentre, Place::kTop, Place::kBottom});
  return all_places({Place::kBottom, Place::kTop, Place::kCentre});
}

std::vector<Place> places_for_pictogram(const Scene& scene, std::size_t index) {
  if (scene.pictograms.size() == 1) {
    return all_places({Place::kCentre, Place::kTop, Place::kBottom});
  }
  return index == 0 ? all_places({Place::kLeft, Place::kTopLeft, Place::kBottomLeft})
                    : all_places({Place::kRight, Place::kTopRight, Place::kBottomRight});
}

/// An item whose place the caption omits, with its possible places in order of preference.
struct OpenItem {
  Place* place;
  std::vector<Place> choices;
};

}  // namespace

const Colour& default_text_colour(const Palette& palette, const Background& background) {
  const auto* black = palette.find("black");
  const auto* white = palette.find("white");
  if (black == nullptr || white == nullptr) {
    fail(ErrorCode::kCorruptFile, "the colours must have \"black\" and \"white\"");
  }
  return contrast_on(black->colour, background) >= contrast_on(white->colour, background)
             ? black->colour
             : white->colour;
}

void make_bold(const Lettering& lettering, TextItem& item) {
  const auto& styles = lettering.styles();
  const auto bold = std::find_if(
      styles.begin(), styles.end(), [](const auto& style) { return style.id == kStyle; });
  if (bold == styles.end()) fail(ErrorCode::kCorruptFile, "no style is called ", kStyle);
  item.style = bold->id;
  item.font = lettering.faces()[bold->faces.at(0)].family;
}

Scene with_defaults(const PosterData& data,
                    const Scene& scene,
                    const std::set<std::string>& says,
                    Split split) {
  const auto is_open = [&](const char* items, std::size_t index, const char* what) {
    return says.count(concat(items, "[", index, "].", what)) == 0;
  };
  Scene settled = scene;
  std::vector<OpenItem> open;
  std::vector<Place> taken;
  const auto settle_place =
      [&](const char* items, std::size_t index, Place& place, const std::vector<Place>& choices) {
        if (is_open(items, index, "place")) {
          open.push_back({&place, choices});
        } else {
          taken.push_back(place);
        }
      };
  for (std::size_t i = 0; i < settled.texts.size(); ++i) {
    auto& item = settled.texts[i];
    if (is_open("texts", i, "style")) make_bold(data.lettering, item);
    if (is_open("texts", i, "colour")) {
      item.colour = default_text_colour(data.palette, scene.background);
    }
    if (!fit_lines(data, item, may_break(scene.texts.size(), scene.pictograms.size()))) {
      return scene;
    }
    settle_place("texts", i, item.place, places_for_text(scene, i));
  }
  for (std::size_t i = 0; i < settled.pictograms.size(); ++i) {
    auto& item = settled.pictograms[i];
    item.size = kPictogramSizes.back();
    settle_place("pictograms", i, item.place, places_for_pictogram(scene, i));
  }

  const auto fitted = [&]() -> std::optional<Scene> {
    std::vector<Place> texts, pictograms;
    for (const auto& item : settled.texts) texts.push_back(item.place);
    for (const auto& item : settled.pictograms) pictograms.push_back(item.place);
    if (!layout_belongs(texts, pictograms, split)) return std::nullopt;
    Scene trial = settled;
    if (!shrink_to_fit(data, trial)) return std::nullopt;
    return trial;
  };
  const std::function<std::optional<Scene>(std::size_t)> place_from = [&](std::size_t item) {
    if (item == open.size()) return fitted();
    for (const Place place : open[item].choices) {
      if (std::find(taken.begin(), taken.end(), place) != taken.end()) continue;
      *open[item].place = place;
      taken.push_back(place);
      auto found = place_from(item + 1);
      taken.pop_back();
      if (found) return found;
    }
    return std::optional<Scene>();
  };
  return place_from(0).value_or(scene);
}

}  // namespace glm_image::posters
