#include "nn/kernel_checks.h"

#include <cstring>
#include <functional>
#include <utility>

#include "core/cpu_level.h"
#include "core/random.h"
#include "core/text_format.h"
#include "nn/convolution.h"
#include "nn/convolution_trial.h"
#include "nn/cpu_kernels.h"
#include "nn/functional.h"
#include "nn/group_norm.h"
#include "nn/quantised_matrix.h"

#if GLM_IMAGE_HAVE_HIGHWAY
#include "kernels/highway_targets.h"
#endif

namespace glm_image::nn {
namespace {

using Inputs = std::vector<Tensor>;
using Operation = std::function<Tensor(const Inputs&)>;

/// Sums of some hundred float32 products in another order, relative to the largest value.
constexpr double kFloat32Allowed = 1e-5;
/// Rounding to bfloat16 (8 significant bits) changes a value by at most 2^−9 of it.
constexpr double kBfloat16Rounding = 1.0 / 512;

struct Case {
  std::string name;
  Inputs inputs;  ///< float32
  Operation kernel, plain;
  /// Sum of |terms| if the terms are rounded before the addition; the error is relative to it.
  Operation rounded = nullptr;
};

/// Creates inputs from one generator.
class Inventor {
 public:
  Tensor normal(at::IntArrayRef shape) {
    return at::randn(shape, random_, at::TensorOptions().dtype(at::kFloat));
  }
  Tensor integers(int64_t low, int64_t high, at::IntArrayRef shape) {
    return at::randint(low, high, shape, random_, at::TensorOptions().dtype(at::kFloat));
  }

 private:
  at::Generator random_ = make_random(20261129);
};

Tensor plain_linear(const Inputs& t) {
  return at::matmul(t[0], t[1].t()) + t[2];
}

/// cos and sin of random angles [tokens, dim] with two equal halves, float32.
std::pair<Tensor, Tensor> angles(Inventor& inventor, int64_t tokens, int64_t dim) {
  const auto half = inventor.normal({tokens, dim / 2});
  const auto both = at::cat({half, half}, -1);
  return {both.cos(), both.sin()};
}

/// The sizes are no multiples of vectors and blocks, so that remainders are computed too.
std::vector<Case> cases() {
  Inventor inventor;
  std::vector<Case> all;
  for (const int64_t rows : {1, 70}) {  // a matrix-vector product, and one in blocks
    all.push_back(
        {concat("linear of ", rows, " rows"),
         {inventor.normal({rows, 333}), inventor.normal({130, 333}) / 18, inventor.normal({130})},
         [](const Inputs& t) { return linear(t[0], t[1], t[2]); },
         plain_linear});
  }
  AttentionOptions causal;
  causal.causal = true;
  for (const auto& options : {AttentionOptions(), causal}) {
    all.push_back(
        {options.causal ? "causal attention" : "attention",
         {inventor.normal({2, 37, 4, 64}),
          inventor.normal({2, 53, 2, 64}),
          inventor.normal({2, 53, 2, 64})},
         [=](const Inputs& t) { return attention(t[0], t[1], t[2], options); },
         [=](const Inputs& t) { return plain::attention(t[0], t[1], t[2], options); },
         // Probabilities are rounded, and weight values of both signs.
         [=](const Inputs& t) { return plain::attention(t[0], t[1], t[2].abs(), options); }});
  }
  const auto tokens = inventor.normal({2, 5, 100}), vector = inventor.normal({2, 100});
  all.push_back(
      {"modulated layer norm",
       {tokens, vector, inventor.normal({2, 100})},
       [](const Inputs& t) { return modulated_layer_norm(t[0], t[1], t[2], 1e-5); },
       [](const Inputs& t) { return plain::modulated_layer_norm(t[0], t[1], t[2], 1e-5); }});
  all.push_back({"gated residual",
                 {tokens, inventor.normal({2, 5, 100}), vector},
                 [](const Inputs& t) { return gated_residual(t[0], t[1], t[2]); },
                 [](const Inputs& t) { return plain::gated_residual(t[0], t[1], t[2]); }});
  all.push_back({"RMS norm",
                 {tokens, inventor.normal({100})},
                 [](const Inputs& t) { return rms_norm(t[0], t[1], 1e-5); },
                 [](const Inputs& t) { return plain::rms_norm(t[0], t[1], 1e-5); }});
  const auto heads = inventor.normal({2, 5, 3, 40});
  const auto [cos, sin] = angles(inventor, 5, 40);
  all.push_back({"rotary",
                 {heads},
                 [c = cos, s = sin](const Inputs& t) { return rotary(t[0], c, s); },
                 [c = cos, s = sin](const Inputs& t) { return plain::rotary(t[0], c, s); }});
  all.push_back(
      {"head norm and rotary",
       {heads},
       [c = cos, s = sin](const Inputs& t) { return head_norm_rotary(t[0], c, s, 0, 1e-5); },
       [c = cos, s = sin](const Inputs& t) {
         return plain::head_norm_rotary(t[0], c, s, 0, 1e-5);
       }});
  all.push_back({"GELU",
                 {tokens},
                 [](const Inputs& t) { return gelu_tanh(t[0]); },
                 [](const Inputs& t) { return plain::gelu_tanh(t[0]); }});
  all.push_back({"gated SiLU",
                 {tokens},
                 [](const Inputs& t) { return silu_gate(t[0]); },
                 [](const Inputs& t) { return plain::silu_gate(t[0]); }});
  const auto picture = inventor.normal({2, 24, 9, 7}).contiguous(at::MemoryFormat::ChannelsLast);
  all.push_back(
      {"group norm and SiLU",
       {picture, inventor.normal({24}), inventor.normal({24})},
       [](const Inputs& t) { return group_norm_silu(t[0], 4, t[1], t[2], 1e-5); },
       [](const Inputs& t) { return plain::group_norm_silu(t[0], 4, t[1], t[2], 1e-5); }});
  all.push_back({"convolution",
                 {picture, inventor.normal({17, 24, 3, 3}) / 15, inventor.normal({17})},
                 [](const Inputs& t) { return convolution(t[0], t[1], t[2], {}); },
                 [](const Inputs& t) { return at::conv2d(t[0], t[1], t[2], 1, 1); }});
  return all;
}

double error_of(const Tensor& found, const Tensor& expected) {
  const auto wide = found.to(at::kDouble);
  return ((wide - expected).abs().max() / expected.abs().max()).item<double>();
}

KernelCheck check(const std::string& form, const Case& one, at::ScalarType type) {
  const bool is_float = type == at::kFloat;
  KernelCheck result;
  result.form = form;
  result.operation = one.name + (is_float ? ", float32" : ", bfloat16");
  Inputs narrow, wide;
  for (const auto& input : one.inputs) {
    narrow.push_back(input.to(type));
    wide.push_back(narrow.back().to(at::kDouble));
  }
  const auto expected = one.plain(wide);
  result.error = error_of(one.kernel(narrow), expected);
  // Intermediate results are rounded, and the sum is.
  double sums = 1;
  if (one.rounded) sums = (one.rounded(wide).max() / expected.abs().max()).item<double>();
  result.allowed = is_float ? kFloat32Allowed : kBfloat16Rounding * (sums + 1);
  return result;
}

/// Whole numbers up to 127 are quantised without an error, so the products are exact.
KernelCheck check_quantised(const std::string& form, int bits) {
  constexpr int64_t kOut = 70, kIn = 256, kGroup = 64, kRows = 13;
  KernelCheck result;
  result.form = form;
  result.operation = concat("linear, ", bits, "-bit weights");
  const QuantisedForm weight = {kOut, kIn, bits, kGroup, at::kFloat};
  if (!weight.is_supported()) return result;
  Inventor inventor;
  const int64_t limit = int64_t{1} << (bits - 1);
  const auto integers = inventor.integers(-limit, limit, {kOut, kIn});
  const auto bytes = integers.to(at::kChar);
  const QuantisedMatrix matrix(
      weight,
      [&](int64_t first, int64_t rows, int8_t* values) {
        std::memcpy(
            values, bytes.data_ptr<int8_t>() + first * kIn, static_cast<size_t>(rows * kIn));
      },
      at::ones({kOut, kIn / kGroup}));
  auto x = inventor.integers(-127, 128, {kRows, kIn});
  for (int64_t begin = 0; begin < kIn; begin += kGroup) x.select(1, begin).fill_(127);
  const auto expected = at::matmul(x.to(at::kDouble), integers.to(at::kDouble).t());
  result.error = error_of(linear(x, matrix, Tensor()), expected);
  return result;
}

/// Attention beside quantised weights. Levels without a kernel of 8-bit integers compute in
/// bfloat16.
KernelCheck check_quantised_attention(const std::string& form) {
  // 8 bits of queries, keys, weights and values, of about 1 % each in the mean.
  constexpr double kAllowed = 0.05;
  Inventor inventor;
  const auto heads = [&](int64_t tokens) {
    return inventor.normal({2, tokens, 4, 64}).to(at::kBFloat16);
  };
  const auto q = heads(37), k = heads(300), v = heads(300);
  AttentionOptions options;
  options.quantised = true;
  KernelCheck result;
  result.form = form;
  result.operation = "attention, 8-bit heads";
  result.error =
      error_of(attention(q, k, v, options),
               plain::attention(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), options));
  result.allowed = kAllowed;
  return result;
}

/// Selects a form of the kernels within its scope, and restores the previous one.
class InForm {
 public:
  explicit InForm(CpuLevel level) : before_(cpu_level()) { use(level); }
  ~InForm() { use(before_); }
  InForm(const InForm&) = delete;
  InForm& operator=(const InForm&) = delete;

 private:
  static void use(CpuLevel level) {
    limit_cpu(level);
#if GLM_IMAGE_HAVE_HIGHWAY
    kernels::follow_cpu_level();
#endif
  }
  const CpuLevel before_;
};

}  // namespace

std::vector<KernelCheck> check_kernels() {
  const at::NoGradGuard no_gradients;
  const auto operations = cases();
  std::vector<KernelCheck> checks;
  for (const auto level : cpu_levels()) {
    const InForm form(level);
    const auto name = cpu_level_name(level);
    for (const auto& one : operations) {
      for (const auto type : {at::kFloat, at::kBFloat16}) checks.push_back(check(name, one, type));
    }
    for (const int bits : {8, 4}) checks.push_back(check_quantised(name, bits));
    checks.push_back(check_quantised_attention(name));
  }
  return checks;
}

std::string convolution_faults() {
  std::string faults;
  const auto add = [&](bool right, const char* what) {
    if (!right && faults.find(what) == std::string::npos) {
      faults += (faults.empty() ? "" : ", ") + std::string(what);
    }
  };
  for (const auto& kind : {ConvolutionKind{8, 32, 3, 1, 1, false},
                           ConvolutionKind{32, 3, 3, 1, 1, false},
                           ConvolutionKind{32, 32, 3, 2, 0, true}}) {
    const auto trial = try_bfloat16_convolution(kind, /*with_gradients=*/true);
    add(trial.output, "results");
    add(trial.input_gradient, "gradients of pictures");
    add(trial.weight_gradient, "gradients of weights");
  }
  return faults.empty() ? "right" : "wrong " + faults + ", computed in float32 instead";
}

}  // namespace glm_image::nn
