#pragma once

#include <functional>

#include "core/large_memory.h"
#include "core/torch.h"

namespace glm_image::kernels {
struct PackedIntegers;
}

namespace glm_image::nn {

/// The form of a quantised weight: W[o, i] = integer[o, i] · scale[o, i / group].
struct QuantisedForm {
  int64_t out = 0, in = 0;
  int bits = 8;       ///< 8: integers from −128 to 127; 4: from −8 to 7
  int64_t group = 0;  ///< inputs that share a scale; `in` for one scale an output
  at::ScalarType scale_type = at::kFloat;  ///< float32, float16 or bfloat16

  int64_t groups() const { return in / group; }
  /// Bytes of the packed weight.
  int64_t bytes() const;
  /// Whether this build has kernels for it.
  bool is_supported() const;
};

/// The integers of a weight as a file holds them: neighbouring inputs share a little-endian 32-bit
/// word, the first in its lowest bits. The words are [out, words of a row] or, if not `by_rows`,
/// [words of a row, out].
struct StoredWords {
  Tensor bytes;  ///< all words; keeps their memory
  bool by_rows = true;
  bool is_signed = false;  ///< 8 bits in two's complement; otherwise integer + 128, or + 8
};

/// A weight [out, in] that stays quantised in memory. On the CPU, products with it (nn::linear)
/// quantise their other operand to 8 bits on the way and multiply integers. On another device
/// (nn/device_weight), they dequantise it.
class QuantisedMatrix {
 public:
  /// Writes the integers of rows first … first + rows − 1, [rows, in]. Called by several threads.
  using ReadRows = std::function<void(int64_t first, int64_t rows, int8_t* integers)>;

  /// Packs the integers that `read` gives, a few rows at a time, and `scales` [out, groups] of the
  /// form's type.
  QuantisedMatrix(const QuantisedForm& form, const ReadRows& read, const Tensor& scales);
  /// `scales` may have any strides. Inputs must be a multiple of 8. `in_place`: products read the
  /// words and scales from their memory, which must not change. This takes no additional memory,
  /// but each product rearranges them. Otherwise packs them once.
  QuantisedMatrix(const QuantisedForm& form,
                  const StoredWords& words,
                  const Tensor& scales,
                  bool in_place);

  const QuantisedForm& form() const { return form_; }
  /// As the kernels take it, on the CPU. Valid as long as this lives.
  kernels::PackedIntegers packed() const;
  /// The values, [out, in] float32, on the weight's device.
  Tensor values() const;
  /// The values transposed, [in, out], float32 or rounded to bfloat16, on the weight's device.
  Tensor transposed(at::ScalarType type) const;

 private:
  kernels::PackedIntegers stored() const;

  QuantisedForm form_;
  LargeMemory integers_, scales_;  ///< empty if the weight is read in place
  StoredWords words_;              ///< with these
  Tensor stored_scales_;
};

}  // namespace glm_image::nn
