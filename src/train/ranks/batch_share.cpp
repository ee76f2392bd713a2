#include "train/ranks/batch_share.h"

#include "core/error.h"

namespace glm_image::train {
namespace {

/// x [repeats·rows·entries, ...] as [repeats, rows, rest].
Tensor by_rows(const Tensor& x, int64_t repeats, int64_t rows) {
  GLM_IMAGE_CHECK(x.size(0) % (repeats * rows) == 0,
                  x.size(0),
                  " entries of ",
                  repeats,
                  " times ",
                  rows,
                  " rows");
  return x.reshape({repeats, rows, x.numel() / (repeats * rows)});
}

/// The shape of `like` with another number of rows.
std::vector<int64_t> shape_with_rows(const Tensor& like, int64_t from, int64_t to) {
  auto sizes = like.sizes().vec();
  sizes[0] = sizes[0] / from * to;
  return sizes;
}

}  // namespace

BatchShare::BatchShare(Ranks& ranks, int64_t rows) : BatchShare(rows) {
  if (ranks.size() == 1) return;
  ranks_ = &ranks;
  begin_ = rows * ranks.rank() / ranks.size();
  count_ = rows * (ranks.rank() + 1) / ranks.size() - begin_;
  if (count_ > 0) return;
  counts_ = false;
  begin_ = 0;
  count_ = 1;
}

double BatchShare::weight() const {
  if (!counts_) return 0;
  return static_cast<double>(count_) / static_cast<double>(total_);
}

Tensor BatchShare::cut(const Tensor& all, int64_t repeats) const {
  if (is_whole()) return all;
  return by_rows(all, repeats, total_)
      .narrow(1, begin_, count_)
      .reshape(shape_with_rows(all, total_, count_));
}

Tensor BatchShare::spread(const Tensor& own, int64_t repeats) const {
  if (is_whole()) return own;
  auto all = at::zeros(shape_with_rows(own, count_, total_), own.options().requires_grad(false));
  by_rows(all, repeats, total_)
      .narrow(1, begin_, count_)
      .copy_(by_rows(own.detach(), repeats, count_));
  return all;
}

Tensor BatchShare::all_rows(const Tensor& own, int64_t repeats) const {
  if (is_whole()) return own.detach();
  auto all = spread(own, repeats);
  // Every entry is one rank's value plus zeros: exact.
  if (!counts_) all.zero_();
  ranks_->all_reduce(all);
  return all;
}

Tensor BatchShare::part_of(const Tensor& mean) const {
  return is_whole() ? mean : mean * weight();
}

Tensor BatchShare::part_of(const Tensor& mean, const Tensor& weight) const {
  if (is_whole()) return mean;
  const double own = counts_ ? weight.detach().item<double>() : 0;
  auto of_all = at::full({1}, own, at::kDouble);
  ranks_->all_reduce(of_all);
  return mean * (own / of_all.item<double>());
}

Tensor BatchShare::sum_of_all(const Tensor& part) const {
  if (is_whole()) return part.detach();
  auto of_all = part.detach().reshape({1}).clone();
  ranks_->all_reduce(of_all);
  return of_all[0];
}

}  // namespace glm_image::train
