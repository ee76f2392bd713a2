#include "train/pictogram_reader.h"

#include <algorithm>

#include "train/token_kinds.h"

namespace glm_image::train {
namespace {

constexpr int64_t kMostPatches = 32;  // along a side of a pictogram; any beyond count as the last

}  // namespace

Tensor pictograms_of_patches(const posters::PosterSource& source,
                             const PosterExample& example,
                             int64_t side) {
  const int64_t rows = example.image.height / side, columns = example.image.width / side;
  auto pictograms = at::full({3, rows, columns}, -1, at::kLong);
  auto pictogram_at = pictograms.accessor<int64_t, 3>();
  for (const auto& box : example.layout.boxes) {
    if (box.kind != posters::BoxKind::kPictogram) continue;
    const int64_t pictogram =
        kind_of(source, example.scene.pictograms.at(box.index)) - first_pictogram_kind(source);
    const auto patches_from = [&](int64_t begin, int64_t patch) {
      return std::clamp<int64_t>((patch * side + side / 2 - begin) / side, 0, kMostPatches - 1);
    };
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t area = overlap_of_cell(row, side, box.y, box.height) *
                             overlap_of_cell(column, side, box.x, box.width);
        if (2 * area < side * side) continue;
        pictogram_at[0][row][column] = pictogram;
        pictogram_at[1][row][column] = patches_from(box.y, row);
        pictogram_at[2][row][column] = patches_from(box.x, column);
      }
    }
  }
  return pictograms;
}

PictogramReaderImpl::PictogramReaderImpl(int64_t hidden_size,
                                         int64_t pictograms,
                                         const at::TensorOptions& options)
    : to_pictogram(register_module("to_pictogram", nn::Linear(hidden_size, pictograms, options))),
      to_row(register_module("to_row", nn::Linear(hidden_size, kMostPatches, options))),
      to_column(register_module("to_column", nn::Linear(hidden_size, kMostPatches, options))) {}

PictogramReaderImpl::Reading PictogramReaderImpl::forward(const Tensor& image_tokens,
                                                          const Tensor& pictograms) {
  const auto normed = at::layer_norm(image_tokens, {image_tokens.size(2)});
  const auto shown = (pictograms.select(1, 0) >= 0).to(at::kFloat);
  const auto ask = [&](nn::Linear& question, int64_t which) {
    const auto wanted = pictograms.select(1, which).clamp_min(0).flatten();
    const auto logits = question->forward(normed).to(at::kFloat).flatten(0, 1);
    const auto right = (logits.detach().argmax(1) == wanted).to(at::kFloat).view_as(shown) * shown;
    const auto losses =
        at::cross_entropy_loss(logits, wanted, /*weight=*/{}, at::Reduction::None).view_as(shown);
    return std::make_pair((losses * shown).sum() / shown.sum().clamp_min(1), right);
  };
  const auto [name_loss, named_right] = ask(to_pictogram, 0);
  const auto [row_loss, rows_right] = ask(to_row, 1);
  const auto [column_loss, columns_right] = ask(to_column, 2);
  return {name_loss + row_loss + column_loss, shown, named_right, rows_right * columns_right};
}

}  // namespace glm_image::train
