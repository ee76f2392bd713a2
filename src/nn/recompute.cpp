#include "nn/recompute.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <type_traits>
#include <utility>

#include "nn/gradient_function.h"

namespace glm_image::nn {
namespace {

using torch::autograd::variable_list;

thread_local bool in_recomputation = false;

/// A node of its own: torch::autograd::Function keeps tensors, not functions.
class Recomputation : public torch::autograd::Node {
 public:
  Recomputation(std::function<Tensor(const Tensor&)> f, const Tensor& x)
      : f_(std::move(f)), x_(x.detach()) {}

  std::string name() const override { return "Recomputation"; }
  void release_variables() override {
    x_.reset();
    f_ = nullptr;
  }

 protected:
  variable_list apply(variable_list&& gradients) override {
    refuse_second_gradient();
    const bool wants_x = task_should_compute_output(0);
    if (!gradients[0].defined()) return {Tensor()};
    const at::AutoGradMode with_gradients(true);
    const auto x = x_.detach().requires_grad_(wants_x);
    const auto y = f_(x);
    // Adds to the gradients of the leaves that f uses.
    if (y.requires_grad()) torch::autograd::backward({y}, {gradients[0]});
    return {wants_x ? x.grad() : Tensor()};
  }

 private:
  std::function<Tensor(const Tensor&)> f_;
  Tensor x_;
};

/// LibTorch holds nodes by std::shared_ptr, whose deleter ends long chains without recursion, or,
/// in current versions, by c10::intrusive_ptr.
using NodePointer = decltype(torch::autograd::Edge::function);

template <typename T, typename... Arguments>
NodePointer make_node(Arguments&&... arguments) {
  if constexpr (std::is_same_v<NodePointer, std::shared_ptr<torch::autograd::Node>>) {
    return NodePointer(new T(std::forward<Arguments>(arguments)...),
                       [](auto* node) { deleteNode(node); });
  } else {
    return c10::make_intrusive<T>(std::forward<Arguments>(arguments)...);
  }
}

}  // namespace

Tensor recompute(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  if (!at::GradMode::is_enabled()) return f(x);
  Tensor y;
  {
    const AsInTraining scope;
    y = f(x);
  }
  const auto node = make_node<Recomputation>(f, x);
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  torch::autograd::set_history(y, node);
  return y;
}

bool is_recomputed() {
  return in_recomputation;
}

AsInTraining::AsInTraining() : before_(std::exchange(in_recomputation, true)) {}

AsInTraining::~AsInTraining() {
  in_recomputation = before_;
}

}  // namespace glm_image::nn
