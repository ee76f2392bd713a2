// Adapters' gradients against finite differences and against autograd of the multiplied-out weight,
// both in float64, and the file that they are written to.

#include "train/lora/trained_adapters.h"

#include <nlohmann/json.hpp>

#include "core/random.h"
#include "io/safetensors.h"
#include "nn/modules.h"
#include "support/test_support.h"
#include "train/lora/adapter_writer.h"

namespace glm_image::test {
namespace {

using train::TrainedAdapters;

constexpr double kAdapterScale = 1.5;

/// Two layers with adapters, all in float64 and with values.
struct AdaptedFeedForward {
  AdaptedFeedForward()
      : module(8, 12, 6, nn::FeedForwardImpl::Activation::kGelu, at::TensorOptions(at::kDouble)) {
    at::manual_seed(4);
    fill(*module);
    adapters.emplace(*module, train::AdapterOptions{4, 4 * kAdapterScale, {"net."}, {"proj", "2"}});
    fill(adapters->module());
  }
  static void fill(torch::nn::Module& values) {
    for (auto& parameter : values.parameters()) {
      parameter.set_data(at::randn(parameter.sizes(), parameter.options()) / 2);
    }
  }
  double loss(const Tensor& x, const Tensor& dy) const {
    const at::NoGradGuard no_grad;
    return (module->forward(x) * dy).sum().item<double>();
  }

  nn::FeedForward module;
  std::optional<TrainedAdapters> adapters;
};

TEST(TrainedAdapters, AreTheOnlyParametersThatLearn) {
  const AdaptedFeedForward adapted;
  EXPECT_EQ(adapted.adapters->layers(), 2);
  const auto parameters = adapted.adapters->module().named_parameters();
  EXPECT_EQ(parameters.keys(),
            (std::vector<std::string>{"net.0.proj.lora_A.weight",
                                      "net.0.proj.lora_B.weight",
                                      "net.2.lora_A.weight",
                                      "net.2.lora_B.weight"}));
  EXPECT_EQ(parameters["net.0.proj.lora_A.weight"].sizes(), at::IntArrayRef({4, 8}));
  EXPECT_EQ(parameters["net.0.proj.lora_B.weight"].sizes(), at::IntArrayRef({12, 4}));
  const auto options = at::TensorOptions(at::kDouble);
  adapted.module->forward(at::randn({5, 8}, options)).sum().backward();
  for (const auto& item : parameters) EXPECT_TRUE(item.value().grad().defined()) << item.key();
  for (const auto& item : adapted.module->named_parameters()) {
    EXPECT_FALSE(item.value().grad().defined()) << item.key();
  }
}

TEST(TrainedAdapters, HaveTheGradientsOfFiniteDifferences) {
  const AdaptedFeedForward adapted;
  const auto options = at::TensorOptions(at::kDouble);
  const auto x = at::randn({5, 8}, options), dy = at::randn({5, 6}, options);
  adapted.module->forward(x).backward(dy);
  constexpr double kStep = 1e-6;
  for (const auto& item : adapted.adapters->module().named_parameters()) {
    const at::NoGradGuard no_grad;
    const auto& parameter = item.value();
    const auto values = parameter.detach().clone();
    auto differences = at::empty_like(values);
    for (int64_t i = 0; i < values.numel(); ++i) {
      const auto loss_at = [&](double change) {
        parameter.copy_(values);
        parameter.flatten()[i] += change;
        return adapted.loss(x, dy);
      };
      differences.flatten()[i] = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    }
    parameter.copy_(values);
    // The error of a central difference is about step² and rounding/step.
    EXPECT_LT(relative_error(parameter.grad(), differences), 1e-7) << item.key();
  }
}

TEST(TrainedAdapters, HaveTheGradientsOfTheMultipliedOutWeight) {
  const AdaptedFeedForward adapted;
  const auto options = at::TensorOptions(at::kDouble);
  const auto x = at::randn({5, 8}, options), dy = at::randn({5, 6}, options);
  const auto y = adapted.module->forward(x);
  y.backward(dy);

  std::map<std::string, Tensor> leaves;
  for (const auto& item : adapted.adapters->module().named_parameters()) {
    leaves[item.key()] = item.value().detach().clone().requires_grad_();
  }
  const auto base = adapted.module->named_parameters();
  const auto layer = [&](const std::string& name, const Tensor& input) {
    const auto weight = base[name + ".weight"].detach() +
                        kAdapterScale * at::matmul(leaves.at(name + ".lora_B.weight"),
                                                   leaves.at(name + ".lora_A.weight"));
    return at::linear(input, weight, base[name + ".bias"].detach());
  };
  const auto expected = layer("net.2", at::gelu(layer("net.0.proj", x)));
  expected.backward(dy);
  EXPECT_LT(relative_error(y, expected), 1e-13);
  for (const auto& item : adapted.adapters->module().named_parameters()) {
    EXPECT_LT(relative_error(item.value().grad(), leaves.at(item.key()).grad()), 1e-13)
        << item.key();
  }
}

TEST(TrainedAdapters, BeginWithoutAnEffect) {
  auto random = make_random(1);
  auto down = at::zeros({4, 100}), up = at::ones({50, 4});
  TrainedAdapters::initialise("transformer.x.lora_A.weight", down, random);
  TrainedAdapters::initialise("transformer.x.lora_B.weight", up, random);
  EXPECT_EQ(up.abs().max().item<float>(), 0);
  EXPECT_LE(down.abs().max().item<float>(), 0.1F);
  // The standard deviation of a uniform distribution in ±0.1.
  EXPECT_NEAR(down.std().item<double>(), 0.1 / std::sqrt(3), 0.01);
}

TEST(TrainedAdapters, NeedALayer) {
  nn::FeedForward module(
      8, 12, 6, nn::FeedForwardImpl::Activation::kGelu, at::TensorOptions(at::kFloat));
  expect_error(ErrorCode::kInvalidInput, {"no layer of the model is to learn"}, [&] {
    TrainedAdapters(*module, {4, 4, {"attn."}, {"to_q"}});
  });
}

TEST(AdapterWriter, WritesTheKeysAndTheMetadataOfDiffusers) {
  TemporaryDirectory folder;
  const AdaptedFeedForward adapted;
  const auto file = folder.path() / "a.safetensors";
  train::write_adapter(
      file,
      {{"transformer", 4, 6, adapted.adapters->values()},
       {"vision_language_encoder", 2, 1, {{"q.lora_A.weight", at::ones({2, 3})}}}});
  const auto read = io::SafetensorsFile::open(file);
  EXPECT_EQ(read->header().tensors.size(), 5U);
  const auto& parameters = adapted.adapters->module().named_parameters();
  EXPECT_TRUE(at::equal(read->tensor("transformer.net.2.lora_B.weight"),
                        parameters["net.2.lora_B.weight"].detach()));
  EXPECT_TRUE(at::equal(read->tensor("vision_language_encoder.q.lora_A.weight"), at::ones({2, 3})));
  const auto settings = nlohmann::json::parse(read->header().metadata.at("lora_adapter_metadata"));
  EXPECT_EQ(settings.at("transformer.r"), 4);
  EXPECT_EQ(settings.at("transformer.lora_alpha"), 6);
  EXPECT_EQ(settings.at("transformer.target_modules"), nlohmann::json({"net.0.proj", "net.2"}));
  EXPECT_EQ(settings.at("vision_language_encoder.lora_alpha"), 1);
  EXPECT_EQ(read->header().metadata.at("format"), "pt");
}

}  // namespace
}  // namespace glm_image::test
