#pragma once

#include "train/ranks/ranks.h"

namespace glm_image::train {

/// The rows (examples) of a batch that this rank computes: `count` rows from `begin` on, of
/// `total`. The ranks' shares follow one another and differ by at most one row.
///
/// A loss that is a mean over the batch becomes this rank's term of that mean (part_of), so that
/// the sum of the ranks' gradients is the gradient of one process. Random numbers are drawn for all
/// rows and cut.
///
/// A rank without rows computes row 0 with weight 0, because all ranks must call the same
/// operations.
class BatchShare {
 public:
  /// All rows. cut, all_rows and part_of return their argument.
  explicit BatchShare(int64_t rows) : count_(rows), total_(rows) {}
  /// `ranks` must outlive this.
  BatchShare(Ranks& ranks, int64_t rows);

  int64_t begin() const { return begin_; }
  int64_t count() const { return count_; }
  int64_t total() const { return total_; }
  bool has(int64_t row) const { return row >= begin_ && row < begin_ + count_; }
  /// This rank's fraction of the rows.
  double weight() const;

  // Dimension 0 of the tensors below holds `repeats` copies of the batch, one after the other, and
  // one or more entries (tokens) per row.

  /// The entries of this rank's rows.
  Tensor cut(const Tensor& all, int64_t repeats = 1) const;
  /// The entries of all rows, with zeros where another rank has them.
  Tensor spread(const Tensor& own, int64_t repeats = 1) const;
  /// The entries of all rows, detached. Collective.
  Tensor all_rows(const Tensor& own, int64_t repeats = 1) const;

  /// This rank's term of the mean over all rows. `mean` is the mean over its own.
  Tensor part_of(const Tensor& mean) const;
  /// The same for a mean with weights. `weight`: the sum of this rank's, above 0. Collective.
  Tensor part_of(const Tensor& mean, const Tensor& weight) const;
  /// The sum of the ranks' terms, detached. Collective.
  Tensor sum_of_all(const Tensor& part) const;
  /// The mean over all rows, detached. Collective.
  Tensor mean_of_all(const Tensor& mean) const { return sum_of_all(part_of(mean)); }

 private:
  bool is_whole() const { return ranks_ == nullptr; }

  Ranks* ranks_ = nullptr;  ///< null: this rank computes all rows
  int64_t begin_ = 0, count_ = 0, total_ = 0;
  bool counts_ = true;  ///< false: the row is another rank's
};

}  // namespace glm_image::train
