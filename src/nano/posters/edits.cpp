#include "nano/posters/edits.h"

#include <algorithm>

#include "nano/posters/caption_writer.h"
#include "nano/posters/colour_contrast.h"
#include "nano/posters/defaults.h"
#include "nano/posters/placing.h"
#include "nano/posters/poster_data.h"
#include "nano/posters/scene_maker.h"

namespace glm_image::posters {
namespace {

/// The items that the first reference of an edit has.
PosterSource::Options options_of(EditKind kind) {
  PosterSource::Options options;
  switch (kind) {
    case EditKind::kChangeBackground:
    case EditKind::kChangeText:
      break;
    case EditKind::kChangePictogram:
    case EditKind::kRemovePictogram:
      options.min_pictograms = 1;
      break;
    case EditKind::kAddText:
      options.max_texts = 1;
      break;
    case EditKind::kAddPictogram:
      options.max_pictograms = 1;
      break;
    case EditKind::kRemoveText:
      options.min_texts = 2;
      break;
    case EditKind::kCombine:
      options.max_texts = 1;
      options.min_pictograms = options.max_pictograms = 1;
      break;
  }
  return options;
}

std::string name_of(const char* items, std::size_t index) {
  return concat(items, "[", index, "]");
}

/// Makes one edit. Each attempt draws new pictures.
class EditMaker {
 public:
  EditMaker(const PosterData& data, EditKind kind, Split split, RandomStream& random)
      : data_(data), kind_(kind), split_(split), random_(random) {}

  bool attempt() {
    edit_ = {};
    subjects_ = {};
    quoted_.clear();
    edit_.kind = kind_;
    edit_.references = {make_scene(data_, random_, split_, options_of(kind_))};
    edit_.target = subjects_ = edit_.references[0];
    subjects_.texts.clear();
    subjects_.pictograms.clear();
    edit_.gone = subjects_;
    if (!change() || !is_good()) return false;
    return instruct();
  }

  Edit take() { return std::move(edit_); }

 private:
  bool change() {
    switch (kind_) {
      case EditKind::kChangeBackground:
        return change_background();
      case EditKind::kChangeText:
        return change_text();
      case EditKind::kChangePictogram:
        return change_pictogram();
      case EditKind::kAddText:
        return add_text();
      case EditKind::kAddPictogram:
        return add_pictogram();
      case EditKind::kRemoveText:
        return remove(edit_.target.texts, subjects_.texts, edit_.gone.texts);
      case EditKind::kRemovePictogram:
        return remove(edit_.target.pictograms, subjects_.pictograms, edit_.gone.pictograms);
      case EditKind::kCombine:
        return combine();
    }
    return false;
  }

  bool change_background() {
    auto& background = edit_.target.background;
    const auto before = background.first.id;
    background = {random_.pick(data_.palette.colours()).colour, {}};
    subjects_.background = background;
    edit_.asked.insert("poster");
    return background.first.id != before;
  }

  bool change_text() {
    const auto index = random_.below(edit_.target.texts.size());
    auto& item = edit_.target.texts[index];
    edit_.gone.texts = {item};
    return choose_text(item) && settle_text(index);
  }

  bool change_pictogram() {
    const auto index = random_.below(edit_.target.pictograms.size());
    auto& item = edit_.target.pictograms[index];
    edit_.gone.pictograms = subjects_.pictograms = {item};
    item.id = random_.pick(data_.pictograms.all()).id;
    subjects_.pictograms.push_back(item);
    edit_.asked.insert(name_of("pictograms", index));
    return item.id != edit_.gone.pictograms[0].id;
  }

  bool add_text() {
    TextItem item;
    if (!choose_text(item)) return false;
    make_bold(data_.lettering, item);
    item.colour = random_.pick(data_.palette.colours()).colour;
    item.place = free_place();
    edit_.target.texts.push_back(std::move(item));
    return settle_text(edit_.target.texts.size() - 1);
  }

  bool add_pictogram() {
    const PictogramItem item{
        random_.pick(data_.pictograms.all()).id, free_place(), kPictogramSizes.back()};
    subjects_.pictograms = {item};
    edit_.target.pictograms.push_back(item);
    edit_.asked.insert(name_of("pictograms", edit_.target.pictograms.size() - 1));
    return true;
  }

  template <typename Items>
  bool remove(Items& items, Items& subjects, Items& gone) {
    const auto index = random_.below(items.size());
    subjects = gone = {items[index]};
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
    return true;
  }

  bool combine() {
    PosterSource::Options options;
    options.max_texts = 1;
    options.max_pictograms = 1;
    edit_.references.push_back(make_scene(data_, random_, split_, options));
    auto& item = edit_.target.texts[0];
    edit_.gone.texts = {item};
    const auto place = item.place;
    item = edit_.references[1].texts[0];
    item.place = place;
    edit_.asked.insert(name_of("texts", 0));
    return item.text != edit_.gone.texts[0].text && fit_text(0);
  }

  /// Gives the item a new text. Returns false if the picture has this text already.
  bool choose_text(TextItem& item) {
    auto words = data_.words.text(random_, split_, /*max_words=*/2);
    const auto& texts = edit_.references[0].texts;
    item.text = std::move(words.text);
    item.language = std::move(words.language);
    return std::none_of(
        texts.begin(), texts.end(), [&](const auto& other) { return other.text == item.text; });
  }

  Place free_place() {
    std::vector<Place> free;
    for (int i = 0; i < kPlaceCount; ++i) {
      const auto place = static_cast<Place>(i);
      const auto is_here = [&](const auto& item) { return item.place == place; };
      const auto& [background, pictograms, texts] = edit_.target;
      if (std::none_of(pictograms.begin(), pictograms.end(), is_here) &&
          std::none_of(texts.begin(), texts.end(), is_here)) {
        free.push_back(place);
      }
    }
    return random_.pick(free);
  }

  /// Makes the text `index` of the target the subject of the instruction.
  bool settle_text(std::size_t index) {
    if (!fit_text(index)) return false;
    subjects_.texts = {edit_.target.texts[index]};
    quoted_ = {subjects_.texts[0].text};
    edit_.asked.insert(name_of("texts", index));
    return true;
  }

  /// Breaks and sizes a text of the target. The other items keep their sizes.
  bool fit_text(std::size_t index) {
    auto& scene = edit_.target;
    auto& item = scene.texts[index];
    if (!fit_lines(data_, item, may_break(scene.texts.size(), scene.pictograms.size()))) {
      return false;
    }
    const double largest = item.size;
    for (auto size = kTextSizes.rbegin(); size != kTextSizes.rend(); ++size) {
      if (*size > largest) continue;
      item.size = *size;
      if (misfit(data_, scene).empty()) return true;
    }
    return false;
  }

  /// Whether the target is a picture of the split.
  bool is_good() const {
    const auto& scene = edit_.target;
    std::vector<Place> texts, pictograms;
    std::set<std::string> ids;
    for (const auto& item : scene.texts) {
      texts.push_back(item.place);
      if (contrast_on(item.colour, scene.background) < kLeastContrast) return false;
      if (item.lines.size() > 1 && !may_break(scene.texts.size(), scene.pictograms.size())) {
        return false;
      }
    }
    for (const auto& item : scene.pictograms) {
      pictograms.push_back(item.place);
      if (!ids.insert(item.id).second || !pairs_belong(scene.background, item.id, split_) ||
          !is_visible_on(data_.pictograms.named(item.id), scene.background)) {
        return false;
      }
    }
    return layout_belongs(texts, pictograms, split_) && misfit(data_, scene).empty();
  }

  bool instruct() {
    std::set<std::string> facts{std::string(edit_kind_name(kind_))};
    // Whether an item must be named by its place.
    const auto& before = edit_.references[0];
    facts.insert(before.texts.size() == 1 ? "one_text" : "two_texts");
    if (before.pictograms.size() == 1) facts.insert("one_pictogram");
    if (before.pictograms.size() == 2) facts.insert("two_pictograms");
    const auto said = write_instruction(data_, subjects_, facts, quoted_, random_);
    edit_.instruction = said.text;
    if (kind_ == EditKind::kAddText && said.says.count("texts[0].colour") == 0) {
      edit_.target.texts.back().colour =
          default_text_colour(data_.palette, edit_.target.background);
    }
    return true;
  }

  const PosterData& data_;
  EditKind kind_;
  Split split_;
  RandomStream& random_;
  Edit edit_;
  Scene subjects_;  ///< what the instruction is about
  std::vector<std::string> quoted_;
};

uint64_t seed_of(uint64_t seed, uint64_t index, Split split) {
  const uint64_t of_split = split == Split::kEvaluation ? 1 : 0;
  return mix_bits(mix_bits(seed * 2 + of_split) + index) ^ stable_hash("edit");
}

Edit edit_of(const PosterSource& source, EditKind kind, Split split, RandomStream& random) {
  constexpr int kAttempts = 20000;
  EditMaker maker(source.data(), kind, split, random);
  for (int i = 0; i < kAttempts; ++i) {
    if (maker.attempt()) return maker.take();
  }
  fail(ErrorCode::kCorruptFile, "the poster data give no edit ", edit_kind_name(kind));
}

}  // namespace

Edit make_edit(
    const PosterSource& source, EditKind kind, uint64_t seed, uint64_t index, Split split) {
  RandomStream random(seed_of(seed, index, split));
  return edit_of(source, kind, split, random);
}

Edit make_edit(const PosterSource& source, uint64_t seed, uint64_t index, Split split) {
  RandomStream random(seed_of(seed, index, split));
  const auto kind = static_cast<EditKind>(random.below(kEditKindCount));
  return edit_of(source, kind, split, random);
}

}  // namespace glm_image::posters
