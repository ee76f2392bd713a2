// The fused bfloat16 convolution against at::conv2d in float64 on the same values, in all forms.
#if GLM_IMAGE_HAVE_HIGHWAY

#include "nn/fused_convolution.h"

#include "kernels/kernel_form.h"
#include "nn/group_norm.h"
#include "support/test_support.h"

namespace glm_image::nn {
namespace {

using kernels::KernelForm;

struct FusedCase {
  int64_t batch, in, out, height, width;
  ConvolutionGeometry geometry;
};

constexpr ConvolutionGeometry kSame{/*kernel=*/3, /*stride=*/1, /*padding=*/1};
constexpr ConvolutionGeometry kHalving{3, 2, 0, /*extra=*/1};
constexpr ConvolutionGeometry kPointwise{1, 1, 0};

std::string case_text(const FusedCase& c) {
  return concat(c.batch,
                "×",
                c.in,
                "→",
                c.out,
                " ",
                c.width,
                "×",
                c.height,
                ", kernel ",
                c.geometry.kernel,
                ", stride ",
                c.geometry.stride,
                ", padding ",
                c.geometry.padding,
                "+",
                c.geometry.extra);
}

/// Convolution in float64.
Tensor exact_convolution(const Tensor& x,
                         const Tensor& weight,
                         const Tensor& bias,
                         const FusedCase& c) {
  const auto padded = at::constant_pad_nd(x, {0, c.geometry.extra, 0, c.geometry.extra});
  return at::conv2d(padded, weight, bias, c.geometry.stride, c.geometry.padding);
}

class FusedConvolution : public testing::TestWithParam<KernelForm> {
 protected:
  void SetUp() override {
    at::manual_seed(5);
    kernels::use_highway_target(GetParam().target);
    kernels::allow_bfloat16_tiles(GetParam().tiles);
  }
  void TearDown() override {
    kernels::use_highway_target(0);
    kernels::allow_bfloat16_tiles(true);
    at::set_num_threads(threads_);
  }

  static Tensor random(at::IntArrayRef sizes) { return at::randn(sizes).to(at::kBFloat16); }

  static Tensor fused(ConvolutionInput input,
                      const Tensor& weight,
                      const Tensor& bias,
                      const FusedCase& c,
                      ConvolutionOutput output = {}) {
    const auto& form =
        GetParam().dot_products ? kernels::bfloat16_convolution() : kernels::float_convolution();
    return fused_convolution(form, std::move(input), weight, bias, c.geometry, std::move(output));
  }

  /// Checks that the error is within the bound of all roundings: of the result to bfloat16
  /// (`rounds_result`), of each product (`rounds_operand`, if an operand is not bfloat16
  /// originally) and of float32 sums. `products` holds the sums of absolute products.
  static void expect_within_rounding(const Tensor& found,
                                     const Tensor& expected,
                                     const Tensor& products,
                                     bool rounds_operand,
                                     bool rounds_result = true) {
    constexpr double kBfloat16 = 0x1p-8, kFloat32Sum = 1e-6;
    ASSERT_EQ(found.sizes(), expected.sizes());
    const auto slack = products * (kFloat32Sum + (rounds_operand ? kBfloat16 : 0)) +
                       expected.abs() * (rounds_result ? kBfloat16 : 0) + 1e-30;
    const auto excess = ((found.to(at::kDouble) - expected).abs() / slack).max().item<double>();
    EXPECT_LE(excess, 1) << "times what rounding allows";
  }

  void check(const FusedCase& c) const {
    SCOPED_TRACE(case_text(c));
    const auto x = random({c.batch, c.in, c.height, c.width});
    const auto weight = random({c.out, c.in, c.geometry.kernel, c.geometry.kernel});
    const auto bias = random({c.out});
    const auto wide = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
    const auto expected = exact_convolution(wide(x), wide(weight), wide(bias), c);
    const auto products = exact_convolution(wide(x).abs(), wide(weight).abs(), wide(bias).abs(), c);
    expect_within_rounding(fused(x, weight, bias, c), expected, products, false);

    ConvolutionOutput output;
    output.residual = random(expected.sizes());
    expect_within_rounding(fused(x, weight, bias, c, output),
                           expected + wide(output.residual),
                           products + wide(output.residual).abs(),
                           false);

    ConvolutionOutput unrounded;
    unrounded.type = at::kFloat;
    const auto found = fused(x, weight, bias, c, unrounded);
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    expect_within_rounding(found, expected, products, false, /*rounds_result=*/false);
  }

 private:
  const at::NoGradGuard no_grad_;
  int threads_ = at::get_num_threads();
};

TEST_P(FusedConvolution, OddSizes) {
  for (const int64_t width : {1, 2, 5, 6, 7, 13, 64}) {
    check({1, 8, 16, 9, width, kSame});
    check({1, 8, 16, width, 9, kSame});
    check({2, 6, 5, 5, width, kPointwise});
  }
  for (const int64_t width : {2, 3, 5, 12, 13, 26, 64}) check({2, 8, 12, 8, width, kHalving});
}

TEST_P(FusedConvolution, EveryNumberOfChannels) {
  for (const int64_t channels : {1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130}) {
    check({1, channels, 32, 5, 9, kSame});
    check({1, 32, channels, 5, 9, kSame});
    check({1, channels, channels, 6, 8, kHalving});
    check({1, channels, channels, 6, 8, kPointwise});
  }
}

TEST_P(FusedConvolution, OtherKernels) {
  for (const auto& geometry : std::vector<ConvolutionGeometry>{{2, 1, 0},
                                                               {2, 2, 0},
                                                               {3, 1, 0},
                                                               {3, 1, 2},
                                                               {3, 2, 1},
                                                               {3, 2, 4},
                                                               {3, 3, 0, 2},
                                                               {4, 3, 3, 1},
                                                               {5, 1, 2},
                                                               {7, 2, 3},
                                                               {1, 2, 0}}) {
    check({2, 10, 20, 17, 14, geometry});
  }
}

TEST_P(FusedConvolution, SumsThatGoPartByPart) {
  // Deeper than one part, and wider than a block of any form.
  check({1, 256, 300, 6, 9, kSame});
  check({1, 1090, 40, 5, 7, kSame});
  check({1, 1300, 70, 3, 20, kPointwise});
}

TEST_P(FusedConvolution, Bands) {
  for (const int threads : {1, 2, 5}) {
    at::set_num_threads(threads);
    check({1, 4, 6, 700, 100, kSame});
    check({2, 4, 300, 60, 80, kSame});
    check({1, 4, 6, 600, 301, kHalving});
    check({1, 4, 6, 500, 120, {5, 1, 2}});
    check({1, 4, 6, 400, 120, {2, 3, 1}});
  }
}

TEST_P(FusedConvolution, DoesNotDependOnTheNumberOfThreads) {
  const FusedCase c{1, 24, 40, 150, 90, kSame};
  const auto x = random({c.batch, c.in, c.height, c.width});
  const auto weight = random({c.out, c.in, 3, 3}), bias = random({c.out});
  ConvolutionInput normed(x);
  normed.norm = ConvolutionInput::Norm{8, random({c.in}), random({c.in}), 1e-6};
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 3, 7}) {
    at::set_num_threads(threads);
    results.push_back(fused(normed, weight, bias, c));
    EXPECT_TRUE(at::equal(results.back(), results.front())) << threads;
  }
}

TEST_P(FusedConvolution, OfADoubledPicture) {
  for (const auto& c : std::vector<FusedCase>{{1, 8, 16, 5, 7, kSame},
                                              {2, 3, 3, 1, 1, kSame},
                                              {1, 260, 270, 4, 9, kSame},
                                              {1, 4, 6, 300, 50, kSame}}) {
    SCOPED_TRACE(case_text(c));
    at::set_num_threads(2);
    const auto x = random({c.batch, c.in, c.height, c.width});
    const auto weight = random({c.out, c.in, 3, 3}), bias = random({c.out});
    const auto wide = at::upsample_nearest2d(x.to(at::kDouble), {2 * c.height, 2 * c.width});
    const auto w = weight.to(at::kDouble), b = bias.to(at::kDouble);
    expect_within_rounding(fused(doubled(x), weight, bias, c),
                           exact_convolution(wide, w, b, c),
                           exact_convolution(wide.abs(), w.abs(), b.abs(), c),
                           /*rounds_operand=*/true);
  }
}

TEST_P(FusedConvolution, OfANormedPicture) {
  for (const auto& c : std::vector<FusedCase>{{1, 8, 16, 5, 7, kSame},
                                              {2, 32, 5, 30, 44, kSame},
                                              {2, 7, 6, 9, 11, kSame},
                                              {1, 64, 32, 16, 18, kHalving},
                                              {1, 8, 6, 400, 100, kSame}}) {
    SCOPED_TRACE(case_text(c));
    at::set_num_threads(2);
    // A different offset from zero in each channel.
    const auto x = (at::randn({c.batch, c.in, c.height, c.width}) + 3 * at::randn({1, c.in, 1, 1}))
                       .to(at::kBFloat16);
    const auto weight = random({c.out, c.in, 3, 3}), bias = random({c.out});
    const int64_t groups = c.in % 4 == 0 ? 4 : c.in;
    ConvolutionInput input(x);
    input.norm = ConvolutionInput::Norm{groups, random({c.in}), random({c.in}), 1e-6};
    const auto normed = at::silu(at::group_norm(x.to(at::kDouble),
                                                groups,
                                                input.norm->weight.to(at::kDouble),
                                                input.norm->bias.to(at::kDouble),
                                                1e-6));
    const auto w = weight.to(at::kDouble), b = bias.to(at::kDouble);
    expect_within_rounding(fused(input, weight, bias, c),
                           exact_convolution(normed, w, b, c),
                           exact_convolution(normed.abs() + 1e-5, w.abs(), b.abs(), c),
                           /*rounds_operand=*/true);
  }
}

TEST_P(FusedConvolution, ReadsAnyLayoutAndType) {
  const FusedCase c{2, 6, 10, 7, 9, kSame};
  const auto x = random({c.batch, c.in, c.height, c.width});
  const auto weight = random({c.out, c.in, 3, 3}), bias = random({c.out});
  const auto expected = fused(x, weight, bias, c);
  EXPECT_TRUE(expected.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto same = [&](const Tensor& input, const Tensor& kernel) {
    EXPECT_TRUE(at::equal(fused(input, kernel, bias, c), expected));
  };
  same(x.contiguous(at::MemoryFormat::ChannelsLast), weight);
  same(x.to(at::kFloat), weight.contiguous(at::MemoryFormat::ChannelsLast));
  same(x.to(at::kDouble), weight);
  same(at::cat({x, x}, 1).narrow(1, 0, c.in), weight);
}

TEST_P(FusedConvolution, ReusesMemoryThatItOwnsAlone) {
  at::set_num_threads(2);
  const auto channels_last = [](const Tensor& tensor) {
    return tensor.clone(at::MemoryFormat::ChannelsLast);
  };
  // Many bands; as many output channels as input channels, and fewer; a batch; half of the rows.
  for (const auto& c : std::vector<FusedCase>{{1, 6, 6, 700, 100, kSame},
                                              {2, 8, 4, 700, 100, kSame},
                                              {2, 8, 8, 600, 200, kHalving},
                                              {1, 4, 4, 900, 100, {5, 1, 2}}}) {
    SCOPED_TRACE(case_text(c));
    const auto x = channels_last(random({c.batch, c.in, c.height, c.width}));
    const auto kernel = c.geometry.kernel;
    const auto weight = random({c.out, c.in, kernel, kernel}), bias = random({c.out});
    const auto kept = x.clone();
    const auto expected = fused(x, weight, bias, c);
    EXPECT_TRUE(at::equal(x, kept)) << "somebody holds x";

    auto given = channels_last(x);
    const void* memory = given.data_ptr();
    const auto found = fused(std::move(given), weight, bias, c);
    EXPECT_EQ(found.data_ptr(), memory);
    EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(at::equal(found, expected));

    ConvolutionOutput output;
    output.residual = channels_last(random(expected.sizes()));
    const auto residual = output.residual;
    const auto sum = fused(x, weight, bias, c, output);
    EXPECT_NE(sum.data_ptr(), residual.data_ptr());
    output.residual = channels_last(residual);
    memory = output.residual.data_ptr();
    const auto sum_in_place = fused(x, weight, bias, c, std::move(output));
    EXPECT_EQ(sum_in_place.data_ptr(), memory);
    EXPECT_TRUE(at::equal(sum_in_place, sum));
  }
}

TEST_P(FusedConvolution, LeavesForeignMemoryAlone) {
  const FusedCase c{1, 4, 4, 8, 8, kSame};
  std::vector<uint16_t> values(4 * 64, 0x3f80);
  auto foreign = at::from_blob(values.data(), {1, 8, 8, 4}, at::kBFloat16).permute({0, 3, 1, 2});
  fused(std::move(foreign), random({4, 4, 3, 3}), random({4}), c);
  EXPECT_EQ(values, std::vector<uint16_t>(4 * 64, 0x3f80));

  // A view of a slice, and a tensor that is its own residual.
  auto whole = random({2, 4, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  const auto kept = whole.clone();
  fused(whole.narrow(0, 0, 1), random({4, 4, 3, 3}), random({4}), c);
  ConvolutionOutput output;
  output.residual = whole;
  fused(whole, random({4, 4, 3, 3}), random({4}), c, output);
  EXPECT_TRUE(at::equal(whole, kept));
}

std::vector<KernelForm> bfloat16_forms() {
  std::vector<KernelForm> forms;
  for (const auto& form : kernels::kernel_forms()) {
    if (form.type == at::kBFloat16) forms.push_back(form);
  }
  return forms;
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         FusedConvolution,
                         testing::ValuesIn(bfloat16_forms()),
                         kernels::form_name);

}  // namespace
}  // namespace glm_image::nn
#endif
