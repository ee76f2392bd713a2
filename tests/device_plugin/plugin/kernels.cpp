// The operators of the test device: those that LibTorch requires from each backend (memory, views,
// copies, convolutions), and the CPU's kernels on copies for all others.

#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <ATen/native/CPUFallback.h>
#include <torch/library.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "memory.h"
#include "test_device.h"
#include "versions.h"

namespace test_device {
namespace {

using at::IntArrayRef;
using at::Tensor;

#if TEST_DEVICE_TORCH_AT_LEAST(2, 0)
template <typename T>
using Optional = std::optional<T>;
#else
template <typename T>
using Optional = c10::optional<T>;
#endif

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

std::mutex runs_mutex;
std::map<std::string, int64_t> runs_by_operator;

void count_run(const std::string& name) {
  const std::lock_guard<std::mutex> lock(runs_mutex);
  ++runs_by_operator[name];
}

/// A kernel of the device reads only the device's memory. LibTorch allows CPU scalars.
void require_on_device(const Tensor& tensor, const std::string& name) {
  if (!tensor.defined() || (tensor.device().is_cpu() && tensor.dim() == 0)) return;
  TORCH_CHECK(tensor.device().type() == c10::DeviceType::PrivateUse1,
              name,
              " on the test device was given a tensor on ",
              tensor.device().str());
}

Tensor empty(IntArrayRef size,
             Optional<at::ScalarType> dtype,
             Optional<at::Layout>,
             Optional<at::Device> device,
             Optional<bool>,
             Optional<at::MemoryFormat> format) {
  const c10::DeviceGuard guard(device.value());
  return at::detail::empty_generic(size, &allocator(), kKeys, dtype.value_or(at::kFloat), format);
}

Tensor empty_strided(IntArrayRef size,
                     IntArrayRef stride,
                     Optional<at::ScalarType> dtype,
                     Optional<at::Layout>,
                     Optional<at::Device> device,
                     Optional<bool>) {
  const c10::DeviceGuard guard(device.value());
  return at::detail::empty_strided_generic(
      size, stride, &allocator(), kKeys, dtype.value_or(at::kFloat));
}

const Tensor& resize_tensor(const Tensor& self, IntArrayRef size, Optional<at::MemoryFormat>) {
  if (self.sizes() == size) return self;  // a view must keep its strides
  auto* tensor = self.unsafeGetTensorImpl();
  const size_t needed = at::detail::computeStorageNbytesContiguous(
      size, tensor->itemsize(), static_cast<size_t>(tensor->storage_offset()));
  auto* storage = tensor->unsafe_storage().unsafeGetStorageImpl();
  if (needed > storage->nbytes()) {
    const c10::DeviceGuard guard(self.device());
    auto larger = allocator().allocate(needed);
    if (storage->nbytes() > 0) {
      std::memcpy(
          host_address(larger.get()), host_address(storage->data_ptr().get()), storage->nbytes());
    }
    storage->set_data_ptr(std::move(larger));
    storage->set_nbytes(needed);
  }
  tensor->set_sizes_contiguous(size);
  return self;
}

Tensor copy_from(const Tensor& source, const Tensor& target, bool) {
  host_view(target).copy_(host_view(source));
  return target;
}

Tensor copy_from_and_resize(const Tensor& source, const Tensor& target) {
  resize_tensor(target, source.sizes(), Optional<at::MemoryFormat>());
  return copy_from(source, target, false);
}

/// Each backend needs its own convolution; LibTorch has no fallback.
Tensor convolution(const Tensor& input,
                   const Tensor& weight,
                   const Optional<Tensor>& bias,
                   IntArrayRef stride,
                   IntArrayRef padding,
                   IntArrayRef dilation,
                   bool transposed,
                   IntArrayRef output_padding,
                   int64_t groups) {
  const std::string name = "aten::convolution_overrideable";
  const bool with_bias = bias.has_value() && bias->defined();
  require_on_device(input, name);
  require_on_device(weight, name);
  if (with_bias) require_on_device(*bias, name);
  count_run(name);
  const auto out =
      at::convolution(host_view(input),
                      host_view(weight),
                      with_bias ? Optional<Tensor>(host_view(*bias)) : Optional<Tensor>(),
                      stride,
                      padding,
                      dilation,
                      transposed,
                      output_padding,
                      groups);
  return out.to(input.device());
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor& gradient,
                                                        const Tensor& input,
                                                        const Tensor& weight,
                                                        IntArrayRef stride,
                                                        IntArrayRef padding,
                                                        IntArrayRef dilation,
                                                        bool transposed,
                                                        IntArrayRef output_padding,
                                                        int64_t groups,
                                                        std::array<bool, 3> wanted) {
  const std::string name = "aten::convolution_backward_overrideable";
  for (const auto& tensor : {gradient, input, weight}) require_on_device(tensor, name);
  count_run(name);
  const auto [of_input, of_weight, of_bias] = at::convolution_backward(host_view(gradient),
                                                                       host_view(input),
                                                                       host_view(weight),
                                                                       IntArrayRef(weight.size(0)),
                                                                       stride,
                                                                       padding,
                                                                       dilation,
                                                                       transposed,
                                                                       output_padding,
                                                                       groups,
                                                                       wanted);
  const auto back = [&](const Tensor& found) {
    return found.defined() ? found.to(input.device()) : found;
  };
  return {back(of_input), back(of_weight), back(of_bias)};
}

void run_on_copies(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const auto name =
      schema.name() + (schema.overload_name().empty() ? "" : "." + schema.overload_name());
  for (const auto& argument : torch::jit::last(*stack, schema.arguments().size())) {
    if (argument.isTensor()) require_on_device(argument.toTensor(), name);
    TORCH_CHECK(!argument.isGenerator(),
                name,
                " on the test device was given the generator of another: it has none");
    if (!argument.isTensorList()) continue;
    for (const Tensor& tensor : argument.toTensorVector()) require_on_device(tensor, name);
  }
  count_run(name);
  at::native::cpu_fallback(op, stack);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("resize_", &resize_tensor);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("unfold", &at::native::unfold);  // used by repeat
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_copies>());
}

}  // namespace
}  // namespace test_device

int64_t test_device_kernel_runs(const char* prefix) {
  using namespace test_device;
  const std::lock_guard<std::mutex> lock(runs_mutex);
  int64_t runs = 0;
  for (const auto& [name, count] : runs_by_operator) {
    if (name.rfind(prefix, 0) == 0) runs += count;
  }
  return runs;
}

int64_t test_device_bytes_in_use(void) {
  return test_device::bytes_in_use();
}
