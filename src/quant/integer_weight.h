#pragma once

#include <optional>

#include "io/weight_cut.h"
#include "nn/quantised_matrix.h"

namespace glm_image::quant {

/// A stored weight whose values are exactly integers times scales of nn::QuantisedForm.
struct IntegerWeight {
  nn::QuantisedForm form;
  Tensor scales;  ///< [out, groups], of the form's type
  nn::QuantisedMatrix::ReadRows read;
  /// The integers in their file, if they are in an order that products can read.
  std::optional<nn::StoredWords> words;
};

/// Nothing where the kernels do not take the form. `words` count only if they hold `bits` each and
/// `in` is a multiple of 8.
std::optional<IntegerWeight> integer_weight(int64_t out,
                                            int64_t in,
                                            int bits,
                                            const Tensor& scales,
                                            nn::QuantisedMatrix::ReadRows read,
                                            std::optional<nn::StoredWords> words = std::nullopt);

/// The same for integers of one byte, [out, in] int8 with dense rows. `mapped`: these bytes in
/// their file (ModuleParts::mapped_bytes).
std::optional<IntegerWeight> byte_weight(const Tensor& integers,
                                         const Tensor& scales,
                                         const Tensor& mapped);

/// Some rows or columns of a weight, which reads the integers of the whole. Nothing where a cut
/// divides a group of columns, or the kernels do not take the form of the part.
std::optional<IntegerWeight> cut_integers(const IntegerWeight& whole, const io::WeightCut& cut);

}  // namespace glm_image::quant
