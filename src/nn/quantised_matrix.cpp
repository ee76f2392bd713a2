#include "nn/quantised_matrix.h"

#include <cstring>
#include <vector>

#include "core/error.h"
#include "kernels/quantised_matmul.h"
#include "nn/cpu_kernels.h"
#include "nn/device_weight.h"

namespace glm_image::nn {
namespace {

using kernels::PackedIntegers;

constexpr int64_t kPanel = PackedIntegers::kPanelColumns;
constexpr int64_t kStep = PackedIntegers::kStepDepth;
constexpr int64_t kWordBytes = sizeof(uint32_t);  // of StoredWords
/// Tiles are read whole: up to this number of bytes after the last panel, which are ignored.
constexpr int64_t kReadBehind = 64 * kPanel;

/// The shape of the packed weight, without its memory.
PackedIntegers shape_of(const QuantisedForm& form) {
  PackedIntegers shape;
  shape.bits = form.bits;
  shape.columns = form.out;
  shape.depth = form.in;
  shape.group = form.group;
  shape.scale_type = form.scale_type == at::kFloat  ? kernels::ScaleType::kFloat32
                     : form.scale_type == at::kHalf ? kernels::ScaleType::kFloat16
                                                    : kernels::ScaleType::kBfloat16;
  return shape;
}

int64_t integer_bytes(const QuantisedForm& form) {
  const auto shape = shape_of(form);
  return shape.panels() * shape.panel_bytes() + kReadBehind;
}

int64_t scale_bytes(const QuantisedForm& form) {
  const auto shape = shape_of(form);
  return shape.panels() * form.groups() * kPanel * shape.scale_bytes();
}

/// What is added to integers of so many bits, so that they are not negative.
int offset_of(int bits) {
  return 1 << (bits - 1);
}

/// The bytes at an address, without a copy.
Tensor bytes_at(const uint8_t* address, at::IntArrayRef shape) {
  return torch::from_blob(const_cast<uint8_t*>(address), shape, at::TensorOptions(at::kByte));
}

/// The integers of a packed weight with their offset, [out, in], a byte each.
Tensor bytes_of_panels(const PackedIntegers& packed) {
  const int64_t rows = packed.panel_bytes() / (kPanel * kStep);
  auto bytes = bytes_at(packed.values, {packed.panels(), rows, kPanel, kStep});
  if (packed.bits == 4) {
    bytes = at::stack({bytes.bitwise_and(15), bytes.div(16, "trunc")}, 2).flatten(1, 2);
  }
  return bytes.permute({0, 2, 1, 3})
      .reshape({packed.panels() * kPanel, packed.padded_depth()})
      .narrow(0, 0, packed.columns)
      .narrow(1, 0, packed.depth)
      .contiguous();
}

/// The scales of a packed weight, [out, groups].
Tensor scales_of_panels(const PackedIntegers& packed, const QuantisedForm& form) {
  return torch::from_blob(const_cast<void*>(packed.scales),
                          {packed.panels(), form.groups(), kPanel},
                          at::TensorOptions(form.scale_type))
      .permute({0, 2, 1})
      .reshape({packed.panels() * kPanel, form.groups()})
      .narrow(0, 0, form.out);
}

/// The integers of stored words, [out, in] float32. By operators that any device has: float32 holds
/// bytes exactly.
Tensor integers_of_words(const QuantisedForm& form, const StoredWords& words) {
  const int64_t row_bytes = form.in * form.bits / 8;
  const auto bytes = words.by_rows
                         ? words.bytes.reshape({form.out, row_bytes})
                         : words.bytes.reshape({row_bytes / kWordBytes, form.out, kWordBytes})
                               .permute({1, 0, 2})
                               .reshape({form.out, row_bytes});
  auto integers = bytes.to(at::kFloat);
  if (form.bits == 4) {
    const auto high = (integers / 16).floor();
    integers = at::stack({integers - 16 * high, high}, -1).flatten(1);
  }
  const double offset = offset_of(form.bits);
  if (!words.is_signed) return integers - offset;
  return integers - 2 * offset * (integers >= offset).to(at::kFloat);
}

/// Integers [out, in] float32 times their groups' scales [out, groups].
Tensor scaled(const QuantisedForm& form, const Tensor& integers, const Tensor& scales) {
  const auto groups = integers.reshape({form.out, form.groups(), form.group});
  return (groups * scales.to(at::kFloat).unsqueeze(2)).reshape({form.out, form.in});
}

uint32_t four_integers(const int8_t* integers) {
  uint32_t word = 0;
  std::memcpy(&word, integers, sizeof word);
  return word;
}

/// Interleaves [kPanel, depth] integers.
void pack_panel(const int8_t* integers, int64_t depth, int bits, uint8_t* panel) {
  const auto put = [&](int64_t row, int64_t column, uint32_t word) {
    std::memcpy(panel + (row * kPanel + column) * kStep, &word, sizeof word);
  };
  // A cache line of each column at a time.
  constexpr int64_t kAtOnce = 64;
  for (int64_t begin = 0; begin < depth; begin += kAtOnce) {
    const int64_t end = std::min(begin + kAtOnce, depth);
    for (int64_t column = 0; column < kPanel; ++column) {
      const int8_t* from = integers + column * depth;
      if (bits == 8) {
        for (int64_t i = begin; i < end; i += kStep) {
          put(i / kStep, column, four_integers(from + i) ^ 0x80808080U);
        }
        continue;
      }
      constexpr uint32_t kOffset = 0x08080808U, kLow = 0x0F0F0F0FU;
      for (int64_t i = begin; i < end; i += 2 * kStep) {
        const uint32_t even = (four_integers(from + i) ^ kOffset) & kLow;
        const uint32_t odd = (four_integers(from + i + kStep) ^ kOffset) & kLow;
        put(i / (2 * kStep), column, even | odd << 4);
      }
    }
  }
}

}  // namespace

int64_t QuantisedForm::bytes() const {
  return integer_bytes(*this) + scale_bytes(*this);
}

bool QuantisedForm::is_supported() const {
  if constexpr (!kHaveKernels) return false;
  const bool known_scales =
      scale_type == at::kFloat || scale_type == at::kHalf || scale_type == at::kBFloat16;
  if (!known_scales || (bits != 4 && bits != 8) || out < 1 || in < 1 || group < 1) return false;
  if (group == in) return true;
  constexpr int64_t kMost = PackedIntegers::kMaxBlockDepth;
  return in % group == 0 && group % PackedIntegers::kDepthMultiple == 0 &&
         (group <= kMost || group % kMost == 0);
}

QuantisedMatrix::QuantisedMatrix(const QuantisedForm& form,
                                 const ReadRows& read,
                                 const Tensor& scales)
    : form_(form), integers_(integer_bytes(form)), scales_(scale_bytes(form)) {
  GLM_IMAGE_CHECK(form.is_supported(), form.bits, " bits, groups of ", form.group);
  GLM_IMAGE_CHECK(scales.sizes() == at::IntArrayRef({form.out, form.groups()}) &&
                      scales.scalar_type() == form.scale_type,
                  scales.sizes());
  const auto shape = shape_of(form);
  const int64_t depth = shape.padded_depth();
  const auto by_group = scales.t().contiguous();
  const auto* scale = static_cast<const char*>(by_group.data_ptr());
  const int64_t size = shape.scale_bytes();
  at::parallel_for(0, shape.panels(), /*grain_size=*/1, [&](int64_t first, int64_t last) {
    std::vector<int8_t> rows(kPanel * form.in), padded;
    if (depth != form.in) padded.resize(kPanel * depth, 0);
    for (int64_t panel = first; panel < last; ++panel) {
      const int64_t row = panel * kPanel, count = std::min(kPanel, form.out - row);
      read(row, count, rows.data());
      if (count < kPanel) std::fill(rows.begin() + count * form.in, rows.end(), int8_t{0});
      if (depth != form.in) {
        for (int64_t r = 0; r < kPanel; ++r) {
          std::copy_n(rows.begin() + r * form.in, form.in, padded.begin() + r * depth);
        }
      }
      pack_panel((depth == form.in ? rows : padded).data(),
                 depth,
                 form.bits,
                 integers_.data() + panel * shape.panel_bytes());
      for (int64_t group = 0; group < form.groups(); ++group) {
        std::memcpy(scales_.data() + (panel * form.groups() + group) * kPanel * size,
                    scale + (group * form.out + row) * size,
                    static_cast<std::size_t>(count * size));
      }
    }
  });
}

QuantisedMatrix::QuantisedMatrix(const QuantisedForm& form,
                                 const StoredWords& words,
                                 const Tensor& scales,
                                 bool in_place)
    : form_(form),
      integers_(in_place ? 0 : integer_bytes(form)),
      scales_(in_place ? 0 : scale_bytes(form)),
      words_(words),
      stored_scales_(scales) {
  GLM_IMAGE_CHECK(
      form.is_supported() && form.in % PackedIntegers::kDepthMultiple == 0 &&
          static_cast<int64_t>(words.bytes.nbytes()) == form.out * form.in / 8 * form.bits,
      form.bits,
      " bits, groups of ",
      form.group);
  GLM_IMAGE_CHECK(scales.sizes() == at::IntArrayRef({form.out, form.groups()}) &&
                      scales.scalar_type() == form.scale_type,
                  scales.sizes());
  if (in_place) return;
  if constexpr (kHaveKernels) {
    const auto from = stored();
    at::parallel_for(0, from.panels(), /*grain_size=*/1, [&](int64_t first, int64_t last) {
      for (int64_t panel = first; panel < last; ++panel) {
        kernels::arrange_values(
            from, panel, 0, form.in, integers_.data() + panel * from.panel_bytes());
        kernels::arrange_scales(
            from,
            panel,
            0,
            form.groups(),
            scales_.data() + panel * form.groups() * kPanel * from.scale_bytes());
      }
    });
  }
  words_ = StoredWords();
  stored_scales_ = Tensor();
}

PackedIntegers QuantisedMatrix::stored() const {
  auto shape = shape_of(form_);
  auto& stored = shape.stored;
  const int64_t row_bytes = form_.in * form_.bits / 8, scale_size = shape.scale_bytes();
  stored.words = static_cast<const uint8_t*>(words_.bytes.data_ptr());
  stored.column_stride = words_.by_rows ? row_bytes : kWordBytes;
  stored.word_stride = words_.by_rows ? kWordBytes : form_.out * kWordBytes;
  stored.is_signed = words_.is_signed;
  stored.scales = static_cast<const uint8_t*>(stored_scales_.data_ptr());
  stored.scale_column_stride = stored_scales_.stride(0) * scale_size;
  stored.scale_group_stride = stored_scales_.stride(1) * scale_size;
  return shape;
}

PackedIntegers QuantisedMatrix::packed() const {
  if (words_.bytes.defined()) return stored();
  auto packed = shape_of(form_);
  packed.values = integers_.data();
  packed.scales = scales_.data();
  return packed;
}

Tensor QuantisedMatrix::transposed(at::ScalarType type) const {
  if (words_.bytes.defined() && !words_.bytes.is_cpu()) return values().t().to(type);
  if (words_.bytes.defined()) {
    return QuantisedMatrix(form_, words_, stored_scales_, /*in_place=*/false).transposed(type);
  }
  const auto shape = shape_of(form_);
  auto out = at::empty({form_.in, form_.out}, at::TensorOptions(type));
  const auto scales = torch::from_blob(scales_.data(),
                                       {shape.panels(), form_.groups(), kPanel},
                                       at::TensorOptions(form_.scale_type))
                          .to(at::kFloat);
  const auto write = [&](auto* values) {
    at::parallel_for(0, shape.panels(), /*grain_size=*/1, [&](int64_t first, int64_t last) {
      for (int64_t panel = first; panel < last; ++panel) {
        const int64_t column = panel * kPanel, count = std::min(kPanel, form_.out - column);
        const uint8_t* bytes = integers_.data() + panel * shape.panel_bytes();
        const float* scale = scales.data_ptr<float>() + panel * form_.groups() * kPanel;
        for (int64_t i = 0; i < form_.in; ++i) {
          const bool is_8 = form_.bits == 8;
          // kernels/quantised_matmul.h describes the packing.
          const int64_t step = i / kStep;
          const uint8_t* row = bytes + (is_8 ? step : step / 2) * kPanel * kStep + i % kStep;
          const int shift = !is_8 && step % 2 == 1 ? 4 : 0;
          const int mask = is_8 ? 255 : 15, offset = is_8 ? 128 : 8;
          const float* of_group = scale + i / form_.group * kPanel;
          auto* to = values + i * form_.out + column;
          for (int64_t c = 0; c < count; ++c) {
            const int integer = (row[c * kStep] >> shift & mask) - offset;
            to[c] = static_cast<float>(integer) * of_group[c];
          }
        }
      }
    });
  };
  if (type == at::kFloat) {
    write(out.data_ptr<float>());
  } else {
    GLM_IMAGE_CHECK(type == at::kBFloat16, type);
    write(out.data_ptr<at::BFloat16>());
  }
  return out;
}

Tensor QuantisedMatrix::values() const {
  if (words_.bytes.defined()) {
    return scaled(form_, integers_of_words(form_, words_), stored_scales_);
  }
  const auto shape = packed();
  const auto integers = bytes_of_panels(shape).to(at::kFloat) - offset_of(form_.bits);
  return scaled(form_, integers, scales_of_panels(shape, form_));
}

std::shared_ptr<const QuantisedMatrix> on_device(const QuantisedMatrix& weight, at::Device device) {
  const auto& form = weight.form();
  if (form.in % PackedIntegers::kDepthMultiple != 0) return nullptr;
  const auto packed = weight.packed();
  StoredWords words;
  Tensor scales;
  if (packed.is_stored()) {
    const auto& stored = packed.stored;
    words.by_rows = stored.word_stride == kWordBytes;
    words.is_signed = stored.is_signed;
    words.bytes = bytes_at(stored.words, {form.out * form.in / 8 * form.bits});
    scales = torch::from_blob(const_cast<uint8_t*>(stored.scales),
                              {form.out, form.groups()},
                              {stored.scale_column_stride / packed.scale_bytes(),
                               stored.scale_group_stride / packed.scale_bytes()},
                              at::TensorOptions(form.scale_type));
  } else {
    words.bytes = bytes_of_panels(packed);
    if (form.bits == 4) {
      const auto pairs = words.bytes.view({form.out, form.in / 2, 2});
      words.bytes = pairs.select(2, 0) + 16 * pairs.select(2, 1);
    }
    scales = scales_of_panels(packed, form);
  }
  // A copy on any device: the memory is the other weight's.
  const auto copy = [&](const Tensor& tensor) {
    return tensor.contiguous().to(
        device, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  };
  words.bytes = copy(words.bytes);
  return std::make_shared<QuantisedMatrix>(form, words, copy(scales), /*in_place=*/true);
}

}  // namespace glm_image::nn
