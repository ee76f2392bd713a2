#include "kernels/bfloat16_attention_gradient.h"
#include "nn/attention_arguments.h"
#include "nn/differentiable.h"
#include "nn/gradient_function.h"

namespace glm_image::nn::differentiable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Attention : torch::autograd::Function<Attention> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& q,
                        const Tensor& k,
                        const Tensor& v,
                        const AttentionOptions& options) {
    context->save_for_backward({q, k, v, options.key_mask});
    context->saved_data["scale"] = attention_scale(q, options);
    context->saved_data["causal"] = options.causal;
    return nn::attention(q, k, v, options);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    AttentionOptions options;
    options.scale = context->saved_data["scale"].toDouble();
    options.causal = context->saved_data["causal"].toBool();
    options.key_mask = saved[3];
    const AttentionArguments arguments(saved[0], saved[1], saved[2], options);
    const auto d = dense_heads(gradients[0]);
    const auto dq = at::empty(saved[0].sizes(), saved[0].options());
    const auto dk = at::empty(saved[1].sizes(), saved[1].options());
    const auto dv = at::empty(saved[2].sizes(), saved[2].options());
    kernels::AttentionGradientProblem problem;
    problem.attention = arguments.problem;
    problem.d = d.data_ptr();
    problem.d_strides = strides_of(d);
    problem.dq = dq.data_ptr();
    problem.dk = dk.data_ptr();
    problem.dv = dv.data_ptr();
    for_each_piece<kernels::Bfloat16AttentionGradientWorkspace>(
        kernels::bfloat16_attention_gradient_pieces(problem),
        problem,
        [&](int64_t index, auto& workspace) {
          kernels::bfloat16_attention_gradient_piece(problem, index, workspace);
        });
    return {dq, dk, dv, Tensor()};
  }
};

}  // namespace

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  return apply_function<Attention>(q, k, v, options);
}

}  // namespace glm_image::nn::differentiable
