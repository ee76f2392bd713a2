#pragma once

#include <cstring>

#include "nn/quantised_matrix.h"
#include "support/test_support.h"

namespace glm_image::test {

/// A weight with random integers and scales, and its dequantised values.
struct RandomWeight {
  RandomWeight(int64_t out, int64_t in, int bits, int64_t group, at::ScalarType scale_type)
      : integers(at::randint(bits == 8 ? -128 : -8, bits == 8 ? 128 : 8, {out, in}, at::kChar)),
        scales((random_tensor({out, in / group}) * 0.01).to(scale_type)),
        matrix(
            {out, in, bits, group, scale_type},
            [&](int64_t first, int64_t rows, int8_t* values) {
              std::memcpy(values, integers.data_ptr<int8_t>() + first * in, rows * in);
            },
            scales) {}
  Tensor values() const {
    return integers.to(at::kDouble) *
           scales.to(at::kDouble).repeat_interleave(integers.size(1) / scales.size(1), 1);
  }

  Tensor integers, scales;
  nn::QuantisedMatrix matrix;
};

}  // namespace glm_image::test
