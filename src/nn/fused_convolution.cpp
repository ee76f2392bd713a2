#include "nn/fused_convolution.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/round_up.h"
#include "core/work_meter.h"
#include "kernels/group_norm.h"
#include "nn/cpu_kernels.h"
#include "nn/group_norm.h"

namespace glm_image::nn {
namespace {

using kernels::ConvolutionCut;

/// Sums of neighbouring slices of a kernel of three that fall on the same cell of a doubled
/// picture: w₀ | w₁ + w₂ for an even output cell, w₀ + w₁ | w₂ for an odd one.
Tensor halved_side(const Tensor& weight, int64_t dim, bool odd) {
  const auto slices = weight.split(1, dim);
  return odd ? at::cat({slices[0] + slices[1], slices[2]}, dim)
             : at::cat({slices[0], slices[1] + slices[2]}, dim);
}

/// Appends a channel of zeros if their number is odd, because the kernels multiply pairs.
Tensor with_even_channels(const Tensor& x) {
  if (x.size(1) % 2 == 0) return x;
  // Padding from the last dimension to the second, before and after each.
  std::vector<int64_t> zeros(2 * (x.dim() - 1));
  zeros.back() = 1;
  return at::constant_pad_nd(x, zeros);
}

/// Whether no other tensor shares this one's memory, and LibTorch allocated it.
bool is_last_holder(const Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 &&
         tensor.storage().resizable();
}

/// A tensor of these sizes, channels last, at the beginning of the memory of another.
Tensor in_memory_of(const Tensor& other, const std::vector<int64_t>& sizes) {
  const int64_t channels = sizes[1], row = sizes[3] * channels;
  auto tensor = at::empty({0}, other.options());
  return tensor.set_(
      other.storage(), other.storage_offset(), sizes, {sizes[2] * row, 1, row, channels});
}

/// Computes the picture in bands of output rows. The input rows of a band, padded and with norm and
/// SiLU applied, are written to a buffer; then all threads compute pieces of the band.
class FusedConvolution {
 public:
  FusedConvolution(const kernels::ConvolutionForm& form,
                   const Tensor& weight,
                   const Tensor& bias,
                   const ConvolutionGeometry& geometry,
                   bool doubled)
      : form_(form),
        geometry_(geometry),
        factor_(doubled ? 2 : 1),
        bias_(bias.contiguous()),
        weight_channels_(weight.size(1)) {
    const auto even = with_even_channels(weight);
    problem_.stride = geometry.stride;
    problem_.channels = even.size(1);
    problem_.bias = static_cast<const uint16_t*>(bias_.data_ptr());
    problem_.out_channels = weight.size(0);
    problem_.kernel_rows = problem_.kernel_columns = geometry.kernel - (doubled ? 1 : 0);
    problem_.threads = at::get_num_threads();
    if (!doubled) {
      phases_ = {{0, 0, pack(even)}};
      return;
    }
    const auto wide = even.to(at::kFloat);
    for (const int64_t row : {0, 1}) {
      const auto rows = halved_side(wide, /*dim=*/2, row == 1);
      for (const int64_t column : {0, 1}) {
        const auto both = halved_side(rows, /*dim=*/3, column == 1);
        phases_.push_back({row, column, pack(both.to(at::kBFloat16))});
      }
    }
  }

  Tensor run(ConvolutionInput input, ConvolutionOutput output) {
    read(std::move(input));
    height_ = x_.size(2);
    width_ = x_.size(3);
    problem_.row_stride = (width_ + 2 * geometry_.padding + geometry_.extra) * problem_.channels;
    const auto steps = [&](int64_t size) {
      return (size + 2 * geometry_.padding + geometry_.extra - geometry_.kernel) /
                 geometry_.stride +
             1;
    };
    rows_ = steps(height_);
    problem_.columns = steps(width_);
    GLM_IMAGE_CHECK(rows_ > 0 && problem_.columns > 0, "a picture smaller than the kernel");

    const auto type = output.type.value_or(at::kBFloat16);
    const auto written = type == at::kBFloat16 ? type : at::kFloat;
    if (output.residual.defined()) {
      residual_ = std::move(output.residual).to(written).contiguous(at::MemoryFormat::ChannelsLast);
      output.residual.reset();
    }
    const auto out = make_out(written);
    problem_.out_element = element_of(out);
    const int64_t row = out.size(3) * problem_.out_channels;
    problem_.out_row_stride = factor_ * row;
    problem_.out_cell_stride = factor_ * problem_.out_channels;
    operations_of_row_ = convolution_operations(
        out.size(3), weight_channels_, problem_.out_channels, geometry_.kernel);
    const kernels::Scratch<uint16_t> buffer(buffer_values());
    for (int64_t picture = 0; picture < x_.size(0); ++picture) {
      run_picture(picture, out, buffer.data());
    }
    return out.to(type);
  }

 private:
  /// A part of the output that is a convolution of its own: all of it or, of a doubled picture, the
  /// cells whose row and whose column are even or odd. Each of these sees 2×2 cells of x.
  struct Phase {
    int64_t row, column;  ///< its first cell in the output, and where its kernel begins in x
    Tensor packed;
  };

  Tensor pack(const Tensor& weight) const {
    const auto by_row = weight.permute({2, 0, 3, 1}).contiguous();  // [rows, C_out, columns, C_in]
    const ConvolutionCut cut(problem_, form_.blocks);
    auto packed = at::empty({cut.packed_values() * form_.packed_value_bytes}, at::kByte);
    at::parallel_for(0, cut.across * cut.parts, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        form_.pack(problem_, static_cast<const uint16_t*>(by_row.data_ptr()), i, packed.data_ptr());
      }
    });
    return packed;
  }

  void read(ConvolutionInput input) {
    x_ = std::move(input.x).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
    if (input.norm) {
      const auto& norm = *input.norm;
      scales_ = group_norm_scales(x_, norm.groups, norm.weight, norm.bias, norm.eps);
      scales_ = {with_even_channels(scales_.scale), with_even_channels(scales_.shift)};
    }
    x_ = with_even_channels(x_).contiguous(at::MemoryFormat::ChannelsLast);
  }

  /// The result takes the memory of the residual or of x if nothing else refers to it. The rows of
  /// x that are in the buffer may be overwritten, so a row of the result must not be larger than a
  /// row of x.
  Tensor make_out(at::ScalarType type) {
    const std::vector<int64_t> sizes = {
        x_.size(0), problem_.out_channels, factor_ * rows_, factor_ * problem_.columns};
    if (residual_.defined()) {
      GLM_IMAGE_CHECK(residual_.sizes() == at::IntArrayRef(sizes), "a residual of another shape");
      if (is_last_holder(residual_)) return residual_;
    }
    const bool fits = sizes[2] <= height_ && sizes[1] * sizes[3] <= problem_.channels * width_ &&
                      geometry_.padding < geometry_.kernel;
    if (fits && type == x_.scalar_type() && is_last_holder(x_)) return in_memory_of(x_, sizes);
    return at::empty(sizes, x_.options().dtype(type), at::MemoryFormat::ChannelsLast);
  }

  int64_t input_rows(int64_t rows) const {
    return (rows - 1) * geometry_.stride + geometry_.kernel;
  }

  /// Rows of a phase in a band: enough pieces for all threads, unless the buffer would be too
  /// large.
  int64_t band_rows() const {
    constexpr int64_t kPiecesPerThread = 8, kBufferValues = int64_t{8} << 20;
    const int64_t most_values = kBufferValues + problem_.threads * kBufferValues / 8;
    const auto& blocks = form_.blocks;
    const int64_t across = divide_up(problem_.out_channels, blocks.columns);
    const int64_t cells = kPiecesPerThread * problem_.threads * blocks.groups * blocks.tile_cells /
                          (across * static_cast<int64_t>(phases_.size()));
    const int64_t fit = most_values / problem_.row_stride / geometry_.stride;
    return std::clamp<int64_t>(std::min(cells / problem_.columns, fit), 1, rows_);
  }

  int64_t buffer_values() const {
    // The last group of a row may extend beyond it.
    const int64_t behind = form_.blocks.tile_cells * geometry_.stride + geometry_.kernel;
    return input_rows(band_rows()) * problem_.row_stride + behind * problem_.channels;
  }

  void run_picture(int64_t picture, const Tensor& out, uint16_t* buffer) {
    const int64_t kept = std::max<int64_t>(geometry_.kernel - geometry_.stride, 0);
    const int64_t most = band_rows();
    for (int64_t row = 0; row < rows_; row += most) {
      const int64_t rows = std::min(most, rows_ - row), read = input_rows(rows);
      const int64_t first_new = row == 0 ? 0 : kept;
      at::parallel_for(first_new, read, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          read_row(picture, row * geometry_.stride + i, buffer + i * problem_.row_stride);
        }
      });
      multiply(picture, row, rows, out, buffer);
      report_work(operations_of_row_ * static_cast<double>(factor_ * rows));
      // Neighbouring bands share these rows. In x they may be gone.
      std::memmove(buffer,
                   buffer + (read - kept) * problem_.row_stride,
                   static_cast<size_t>(kept * problem_.row_stride) * sizeof(*buffer));
    }
  }

  /// A row of the padded input: zeros, or norm and SiLU of a row of x between zeros.
  void read_row(int64_t picture, int64_t padded_row, uint16_t* to) const {
    constexpr int64_t kValuesInRun = 8192;  // in the first-level cache
    const int64_t channels = problem_.channels, row = padded_row - geometry_.padding;
    if (row < 0 || row >= height_) {
      std::fill_n(to, problem_.row_stride, uint16_t{0});
      return;
    }
    const int64_t before = geometry_.padding * channels, values = width_ * channels;
    std::fill_n(to, before, uint16_t{0});
    std::fill_n(to + before + values, problem_.row_stride - before - values, uint16_t{0});
    const auto* from =
        static_cast<const uint16_t*>(x_.data_ptr()) + (picture * height_ + row) * width_ * channels;
    to += before;
    if (!scales_.scale.defined()) {
      std::copy_n(from, values, to);
      return;
    }
    const kernels::ChannelScales scales{scales_.scale.data_ptr<float>() + picture * channels,
                                        scales_.shift.data_ptr<float>() + picture * channels};
    const int64_t run = std::max<int64_t>(kValuesInRun / channels, 1);
    for (int64_t cell = 0; cell < width_; cell += run) {
      kernels::scaled_silu(kernels::Element::kBfloat16,
                           {from + cell * channels, std::min(run, width_ - cell), channels},
                           scales,
                           to + cell * channels);
    }
  }

  void multiply(
      int64_t picture, int64_t row, int64_t rows, const Tensor& out, const uint16_t* buffer) {
    problem_.rows = rows;
    const ConvolutionCut cut(problem_, form_.blocks);
    std::vector<kernels::ConvolutionProblem> problems;
    for (const auto& phase : phases_) {
      auto& problem = problems.emplace_back(problem_);
      problem.x = buffer + phase.row * problem.row_stride + phase.column * problem.channels;
      problem.packed = phase.packed.data_ptr();
      const int64_t out_row = picture * out.size(2) + factor_ * row + phase.row;
      const int64_t offset = (out_row * out.size(3) + phase.column) * problem.out_channels;
      problem.out = value_at(out, offset);
      if (residual_.defined()) problem.residual = value_at(residual_, offset);
    }
    const int64_t pieces = cut.pieces();
    for_each_piece<kernels::ConvolutionWorkspace>(
        pieces * static_cast<int64_t>(problems.size()), cut, [&](int64_t index, auto& workspace) {
          form_.piece(problems[index / pieces], index % pieces, workspace);
        });
  }

  const kernels::ConvolutionForm& form_;
  ConvolutionGeometry geometry_;
  int64_t factor_;  ///< output cells of all phases beside a cell of one
  Tensor bias_, x_, residual_;
  GroupNormScales scales_;
  std::vector<Phase> phases_;
  int64_t height_ = 0, width_ = 0;  ///< of x
  int64_t rows_ = 0;                ///< of the output, of one phase
  int64_t weight_channels_;         ///< inputs of the weight, which may be odd
  double operations_of_row_ = 0;    ///< of the output
  kernels::ConvolutionProblem problem_;
};

}  // namespace

Tensor fused_convolution(const kernels::ConvolutionForm& form,
                         ConvolutionInput input,
                         const Tensor& weight,
                         const Tensor& bias,
                         const ConvolutionGeometry& geometry,
                         ConvolutionOutput output) {
  GLM_IMAGE_CHECK(input.x.dim() == 4 && input.x.size(1) == weight.size(1),
                  "a convolution of ",
                  weight.size(1),
                  " channels");
  if constexpr (kHaveKernels) {
    FusedConvolution convolution(form, weight, bias, geometry, input.doubled);
    return convolution.run(std::move(input), std::move(output));
  }
  fail(ErrorCode::kInternal, "a fused convolution in a build without kernels");
}

}  // namespace glm_image::nn
