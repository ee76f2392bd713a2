#include "nano/training/poster_feed.h"

#include "core/round_up.h"
#include "train/seeds.h"

namespace glm_image::nano {

std::vector<std::string> texts_of(const std::vector<posters::TextItem>& items) {
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const auto& item : items) texts.push_back(item.text);
  return texts;
}

int64_t overlap_of_cell(int64_t cell, int64_t side, int64_t begin, int64_t length) {
  const int64_t first = std::max(cell * side, begin);
  const int64_t last = std::min((cell + 1) * side, begin + length);
  return std::max<int64_t>(last - first, 0);
}

Tensor cell_weights(const PosterExample& example, const ItemWeights& weights, int64_t cell) {
  auto map = at::ones({1, example.image.height / cell, example.image.width / cell});
  const auto weigh = [&](const auto& box, double weight) {
    const int64_t top = box.y / cell, left = box.x / cell;
    const int64_t bottom = divide_up(box.y + box.height, cell);
    const int64_t right = divide_up(box.x + box.width, cell);
    map.narrow(1, top, std::min(bottom, map.size(1)) - top)
        .narrow(2, left, std::min(right, map.size(2)) - left)
        .fill_(weight);
  };
  for (const auto& box : example.layout.boxes) {
    weigh(box, box.kind == posters::BoxKind::kText ? weights.text : weights.pictogram);
  }
  if (weights.marked_letter == 0) return map;
  for (const auto& letter : example.layout.letters) {
    const auto first = static_cast<uint8_t>(example.scene.texts[letter.text].text[letter.offset]);
    if (first >= 0x80) weigh(letter, weights.marked_letter);
  }
  return map;
}

PosterFeed::PosterFeed(const std::filesystem::path& data, uint64_t seed)
    : PosterFeed(std::make_shared<posters::PosterSource>(posters::PosterSource::load(data)), seed) {
}

PosterFeed::PosterFeed(std::shared_ptr<const posters::PosterSource> source, uint64_t seed)
    : source_(std::move(source)), renderer_(*source_), seed_(seed) {}

PosterExample PosterFeed::example(int64_t position,
                                  int64_t width,
                                  int64_t height,
                                  posters::Split split) {
  auto example = laid_out(position, width, height, split);
  example.image = renderer_.render(example.scene, width, height);
  return example;
}

PosterExample PosterFeed::laid_out(int64_t position,
                                   int64_t width,
                                   int64_t height,
                                   posters::Split split) {
  PosterExample example;
  const auto index = train::mix_seed(seed_, train::kPosterPurpose, static_cast<uint64_t>(position));
  auto poster = source_->poster(index, split);
  example.scene = std::move(poster.scene);
  example.caption = std::move(poster.caption.text);
  example.image = {width, height, {}};
  example.layout = renderer_.layout(example.scene, width, height);
  return example;
}

}  // namespace glm_image::nano
