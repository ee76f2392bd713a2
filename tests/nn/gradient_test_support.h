#pragma once

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <functional>
#include <string>
#include <vector>

#include "nn/fused_test_support.h"

namespace glm_image::test {

using Form = std::function<Tensor(const std::vector<Tensor>&)>;

/// Precision of float32 sums of about a hundred products, divided by a standard deviation.
inline constexpr double kFloat32Gradient = 1e-5;
/// The gradient of the result, the gradient itself and intermediate terms are each rounded to
/// bfloat16 at most once.
inline constexpr double kBfloat16Gradient = 3.0 / 256;

/// ⟨dy, form(inputs)⟩ in float64.
inline double loss_of(const Form& form, const std::vector<Tensor>& inputs, const Tensor& dy) {
  return (form(inputs).to(at::kDouble) * dy).sum().item<double>();
}

struct GradientRun {
  Tensor out;
  std::vector<Tensor> gradients;
};

inline GradientRun run_backward(const Form& form,
                                const std::vector<Tensor>& inputs,
                                const Tensor& dy) {
  const at::AutoGradMode with_gradients(true);
  std::vector<Tensor> leaves;
  for (const auto& input : inputs) leaves.push_back(input.detach().clone().requires_grad_());
  GradientRun run;
  run.out = form(leaves);
  run.out.backward(dy.to(run.out.scalar_type()));
  for (const auto& leaf : leaves) run.gradients.push_back(leaf.grad());
  return run;
}

/// Compares the derivative of ⟨dy, form⟩ along a random direction, computed from gradients, with a
/// central difference with step `step`.
inline void expect_derivative(const Form& form,
                              const std::vector<Tensor>& inputs,
                              const Tensor& dy,
                              const std::vector<Tensor>& gradients,
                              double step,
                              double tolerance) {
  std::vector<Tensor> up, down;
  double expected = 0, size = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto direction = at::randn(inputs[i].sizes(), inputs[i].options());
    up.push_back(inputs[i] + step * direction);
    down.push_back(inputs[i] - step * direction);
    expected += (gradients[i].to(at::kDouble) * direction).sum().item<double>();
    size += gradients[i].to(at::kDouble).square().sum().item<double>();
  }
  const double found = (loss_of(form, up, dy) - loss_of(form, down, dy)) / (2 * step);
  // Along a random direction, a derivative is about as large as the gradient's norm.
  EXPECT_NEAR(found, expected, tolerance * std::sqrt(size));
}

/// Compares the gradients of `fused` for float32 and bfloat16 inputs with those of `plain` in
/// float64, and both with finite differences. The autograd node of the fused gradient must be
/// called `node`: with another form the test would check nothing.
inline void expect_gradients_match(const std::string& node,
                                   const std::vector<Tensor>& inputs,
                                   const Form& fused,
                                   const Form& plain) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<Tensor> narrow, wide;
    for (const auto& input : inputs) {
      narrow.push_back(input.to(type));
      wide.push_back(narrow.back().to(at::kDouble));
    }
    const auto out = plain(wide);
    const auto dy = at::randn(out.sizes(), at::kFloat).to(type).to(at::kDouble);
    const auto expected = run_backward(plain, wide, dy);
    const auto found = run_backward(fused, narrow, dy);
#if GLM_IMAGE_HAVE_HIGHWAY
    EXPECT_NE(found.out.grad_fn()->name().find(node), std::string::npos)
        << found.out.grad_fn()->name();
#endif
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(found.gradients[i].scalar_type(), type);
      EXPECT_LT(relative_error(found.gradients[i], expected.gradients[i]),
                type == at::kFloat ? kFloat32Gradient : kBfloat16Gradient)
          << "input " << i;
    }
    expect_derivative(plain, wide, dy, expected.gradients, 1e-5, 1e-6);
    if (type == at::kFloat) expect_derivative(fused, narrow, dy, found.gradients, 2e-3, 1e-2);
  }
}

}  // namespace glm_image::test
