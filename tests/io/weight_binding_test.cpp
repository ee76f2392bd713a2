#include "io/weight_binding.h"

#include "nn/modules.h"
#include "nn/parameter.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

struct PairImpl : torch::nn::Module {
  explicit PairImpl(const at::TensorOptions& options) {
    first = register_module("first", nn::Linear(3, 2, options));
    second = register_module("second", nn::Linear(2, 4, options, /*with_bias=*/false));
  }
  nn::Linear first{nullptr}, second{nullptr};
};
TORCH_MODULE(Pair);

class WeightBinding : public testing::Test {
 protected:
  using Tensors = std::vector<std::pair<std::string, Tensor>>;
  static Tensors complete() {
    return {{"first.weight", at::randn({2, 3})},
            {"first.bias", at::randn({2})},
            {"second.weight", at::randn({4, 2})}};
  }
  io::WeightSet written(const Tensors& tensors) const {
    io::write_safetensors(folder_.path() / "model.safetensors", tensors, {});
    return io::WeightSet::open(folder_.path());
  }
  void expect_refused(const Tensors& tensors, std::vector<std::string> fragments) const {
    const auto weights = written(tensors);
    Pair module{at::TensorOptions(at::kFloat)};
    expect_error(
        ErrorCode::kCorruptFile, fragments, [&] { io::bind_weights(*module, weights, {}); });
    for (const auto& parameter : module->parameters()) EXPECT_TRUE(nn::is_unbound(parameter));
  }

  const torch::NoGradGuard no_grad_;
  const TemporaryDirectory folder_;
};

TEST_F(WeightBinding, UnboundModulesHaveNoStorage) {
  nn::Linear layer(1 << 20, 1 << 20, at::TensorOptions(at::kFloat));  // 4 TB if it allocated
  EXPECT_EQ(layer->weight.sizes(), at::IntArrayRef({1 << 20, 1 << 20}));
  EXPECT_LE(layer->weight.storage().nbytes(), 64U);
}

TEST_F(WeightBinding, BindsEveryParameterToTheFileItself) {
  const auto tensors = complete();
  const auto weights = written(tensors);
  Pair module{at::TensorOptions(at::kFloat)};
  io::bind_weights(*module, weights, {});
  const auto parameters = module->named_parameters();
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(at::equal(parameters[name], tensor)) << name;
    EXPECT_EQ(parameters[name].data_ptr(), weights.find(name)->file->tensor(name).data_ptr())
        << name << " was copied";
  }
  // The layer holds the same tensor: forward uses the bound values.
  const auto x = at::randn({5, 3});
  EXPECT_TRUE(
      at::allclose(module->first->forward(x), at::linear(x, tensors[0].second, tensors[1].second)));
  io::unbind_weights(*module);
  EXPECT_TRUE(nn::is_unbound(module->first->weight));
}

TEST_F(WeightBinding, ConvertsToTheRequestedType) {
  const auto tensors = complete();
  Pair module{at::TensorOptions(at::kBFloat16)};
  io::BindingOptions options;
  options.dtype = at::kBFloat16;
  io::bind_weights(*module, written(tensors), options);
  EXPECT_TRUE(at::equal(module->first->weight, tensors[0].second.to(at::kBFloat16)));
}

TEST_F(WeightBinding, LeavesUnwantedParametersUnbound) {
  Pair module{at::TensorOptions(at::kFloat)};
  io::BindingOptions options;
  options.wanted = [](const std::string& name) { return name.rfind("first.", 0) == 0; };
  uint64_t reported = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    reported = done;
    EXPECT_EQ(total, 32U);
  };
  io::bind_weights(*module, written(complete()), options);
  EXPECT_FALSE(nn::is_unbound(module->first->weight));
  EXPECT_TRUE(nn::is_unbound(module->second->weight));
  EXPECT_EQ(reported, 32U);
}

TEST_F(WeightBinding, NamesTheMissingTensor) {
  auto tensors = complete();
  tensors.erase(tensors.begin() + 1);
  expect_refused(tensors, {folder_.path().string(), "'first.bias'", "[2]", "missing"});
}

TEST_F(WeightBinding, NamesTheUnexpectedTensor) {
  auto tensors = complete();
  tensors.emplace_back("third.weight", at::randn({7}));
  expect_refused(tensors, {"model.safetensors", "'third.weight'", "[7]"});
  Pair module{at::TensorOptions(at::kFloat)};
  io::BindingOptions options;
  options.allowed_unexpected = {"third."};
  EXPECT_NO_THROW(io::bind_weights(*module, written(tensors), options));
}

TEST_F(WeightBinding, ReturnsUnexpectedTensorsUnlessStrict) {
  auto tensors = complete();
  tensors.emplace_back("third.weight", at::randn({7}));
  tensors.emplace_back("fourth", at::ones({1}, at::kLong));
  Pair module{at::TensorOptions(at::kFloat)};
  io::BindingOptions options;
  options.strict = false;
  EXPECT_EQ(io::verify_weights(*module, written(tensors), options),
            (std::vector<std::string>{"fourth", "third.weight"}));
  io::bind_weights(*module, written(tensors), options);
  EXPECT_TRUE(at::equal(module->first->weight, tensors[0].second));
}

TEST_F(WeightBinding, LeavesAllowedMissingParametersUnbound) {
  auto tensors = complete();
  tensors.pop_back();
  Pair module{at::TensorOptions(at::kFloat)};
  io::BindingOptions options;
  options.allowed_missing = {"second."};
  io::bind_weights(*module, written(tensors), options);
  EXPECT_FALSE(nn::is_unbound(module->first->weight));
  EXPECT_TRUE(nn::is_unbound(module->second->weight));
}

TEST_F(WeightBinding, NamesExpectedAndFoundShape) {
  auto tensors = complete();
  tensors[2].second = at::randn({2, 4});
  expect_refused(tensors, {"model.safetensors", "'second.weight'", "[2, 4]", "[4, 2]"});
}

TEST_F(WeightBinding, RefusesIntegerTensors) {
  auto tensors = complete();
  tensors[0].second = at::ones({2, 3}, at::kLong);
  expect_refused(tensors, {"'first.weight'", "I64", "F32, F16 or BF16"});
}

}  // namespace
}  // namespace glm_image::test
