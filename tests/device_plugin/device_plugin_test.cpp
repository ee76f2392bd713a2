// A plugin's device: it is found and parsed, and gives the CPU's results.

#include <cstdio>

#include "core/device.h"
#include "core/text_format.h"
#include "device_plugin/test_device.h"
#include "nn/functional.h"
#include "nn/parameter.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

class DevicePlugin : public testing::Test {
 protected:
  const torch::NoGradGuard no_grad_;
  const at::Device device_ = load_test_device();
};

TEST_F(DevicePlugin, IsListedAndParsed) {
  const auto available = available_devices();
  EXPECT_EQ(available.front(), "cpu");
  for (const char* name : {"privateuseone:0", "privateuseone:1"}) {
    EXPECT_NE(std::find(available.begin(), available.end(), name), available.end()) << name;
  }
  EXPECT_EQ(parse_device("privateuseone"), at::Device(c10::DeviceType::PrivateUse1, 0));
  EXPECT_EQ(parse_device("privateuseone:1"), at::Device(c10::DeviceType::PrivateUse1, 1));
  expect_error(ErrorCode::kNotFound,
               {"privateuseone:7", "cpu, ", "privateuseone:0, privateuseone:1"},
               [] { parse_device("privateuseone:7"); });
}

#if TORCH_VERSION_MAJOR >= 2
TEST_F(DevicePlugin, IsParsedByItsOwnName) {
  EXPECT_EQ(parse_device("testdevice:1"), at::Device(c10::DeviceType::PrivateUse1, 1));
  expect_error(
      ErrorCode::kNotFound, {"testdevice:2", "testdevice:1"}, [] { parse_device("testdevice:2"); });
}
#endif

TEST_F(DevicePlugin, LoadingTwiceIsLoadingOnce) {
  const auto before = available_devices();
  load_device_plugin(test_device_library());
  EXPECT_EQ(available_devices(), before);
}

// Required by the other tests: using a device tensor as if it were on the CPU must fail.
TEST_F(DevicePlugin, TheTestDeviceIsNotTheCpu) {
  const auto on_device = at::ones({2}).to(device_);
  EXPECT_EQ(on_device.cpu().sum().item<float>(), 2);
  EXPECT_DEATH(std::printf("%f", on_device.data_ptr<float>()[0]), "");
  EXPECT_THROW(on_device + at::ones({2}), c10::Error);
}

TEST_F(DevicePlugin, UnboundParametersTakeDataOfTheDevice) {
  const auto bytes_in_use = test_device_counters().bytes_in_use;
  const int64_t before = bytes_in_use();
  auto parameter = nn::unbound_parameter({1000, 1000}, at::TensorOptions(device_));
  EXPECT_EQ(parameter.device(), device_);
  EXPECT_TRUE(nn::is_unbound(parameter));
  EXPECT_LE(bytes_in_use() - before, 64);

  const auto values = at::randn({1000, 1000});
  parameter.set_data(values.to(device_));
  EXPECT_FALSE(nn::is_unbound(parameter));
  EXPECT_TRUE(at::equal(parameter.cpu(), values));
  parameter.set_data(nn::unbound_parameter(parameter.sizes(), parameter.options()));
  EXPECT_LE(bytes_in_use() - before, 64);
}

/// An operation of a transformer block and the shapes of its inputs.
struct Operation {
  const char* name;
  std::vector<std::vector<int64_t>> shapes;
  std::function<Tensor(const std::vector<Tensor>&)> compute;
};

nn::AttentionOptions causal_with_bias(const Tensor& bias) {
  nn::AttentionOptions options;
  options.causal = true;
  options.bias = bias;
  return options;
}

nn::AttentionOptions with_key_mask(const Tensor& values) {
  nn::AttentionOptions options;
  options.key_mask = values > 0;
  options.key_mask.select(1, 0).fill_(true);  // each query needs a key
  return options;
}

std::vector<Operation> operations() {
  using Inputs = const std::vector<Tensor>&;
  // B 2, T 5, C 24, H 4, D 6
  return {
      {"linear", {{2, 5, 24}, {7, 24}, {7}}, [](Inputs x) { return nn::linear(x[0], x[1], x[2]); }},
      {"linear of one row",
       {{1, 24}, {7, 24}},
       [](Inputs x) { return nn::linear(x[0], x[1], {}); }},
      {"attention",
       {{2, 5, 4, 6}, {2, 5, 4, 6}, {2, 5, 4, 6}},
       [](Inputs x) { return nn::attention(x[0], x[1], x[2], {}); }},
      {"causal attention with a bias, keys kept, and grouped heads",
       {{2, 5, 4, 6}, {2, 8, 2, 6}, {2, 8, 2, 6}, {1, 4, 5, 8}},
       [](Inputs x) { return nn::attention(x[0], x[1], x[2], causal_with_bias(x[3])); }},
      {"attention of one query with a key mask and grouped heads",
       {{2, 1, 4, 6}, {2, 8, 2, 6}, {2, 8, 2, 6}, {2, 8}},
       [](Inputs x) { return nn::attention(x[0], x[1], x[2], with_key_mask(x[3])); }},
      {"modulated_layer_norm",
       {{2, 5, 24}, {2, 24}, {2, 24}},
       [](Inputs x) { return nn::modulated_layer_norm(x[0], x[1], x[2], 1e-5); }},
      {"gated_residual",
       {{2, 5, 24}, {2, 5, 24}, {2, 24}},
       [](Inputs x) { return nn::gated_residual(x[0], x[1], x[2]); }},
      {"head_norm_rotary",
       {{2, 5, 4, 6}, {3, 6}, {3, 6}},
       [](Inputs x) {
         return nn::head_norm_rotary(x[0], x[1].to(at::kFloat), x[2].to(at::kFloat), 2, 1e-5);
       }},
      {"rotary",
       {{2, 5, 4, 6}, {2, 5, 4}, {2, 5, 4}},
       [](Inputs x) { return nn::rotary(x[0], x[1].to(at::kFloat), x[2].to(at::kFloat)); }},
      {"rms_norm", {{2, 5, 24}, {24}}, [](Inputs x) { return nn::rms_norm(x[0], x[1], 1e-5); }},
      {"gelu_tanh", {{2, 5, 24}}, [](Inputs x) { return nn::gelu_tanh(x[0]); }},
      {"silu_gate", {{2, 5, 24}}, [](Inputs x) { return nn::silu_gate(x[0]); }},
  };
}

TEST_F(DevicePlugin, OperationsAgreeWithTheCpu) {
  const auto kernel_runs = test_device_counters().kernel_runs;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    // The CPU's fused kernels round less often than separate LibTorch operators.
    const double tolerance = dtype == at::kFloat ? 1e-5 : 2e-2;
    for (const auto& operation : operations()) {
      SCOPED_TRACE(concat(operation.name, " in ", c10::toString(dtype)));
      std::vector<Tensor> on_cpu, on_device;
      for (const auto& shape : operation.shapes) {
        on_cpu.push_back(at::randn(shape).to(dtype));
        on_device.push_back(on_cpu.back().to(device_));
      }
      const int64_t runs_before = kernel_runs("");
      const auto found = operation.compute(on_device);
      EXPECT_EQ(found.device(), device_);
      EXPECT_EQ(found.scalar_type(), dtype);
      EXPECT_GT(kernel_runs(""), runs_before);
      EXPECT_LE(relative_error(found, operation.compute(on_cpu)), tolerance);
    }
  }
}

}  // namespace
}  // namespace glm_image::test
