// Quantised weights on the plugin's device: they stay packed there, and products have the result of
// the dequantised weights.

#include "device_plugin/test_device.h"
#include "models/transformer/picture_input.h"
#include "nn/device_weight.h"
#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/random_weight.h"
#include "pipeline/checkpoint.h"
#include "support/quantised_copy.h"
#include "support/reference_run.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::test {
namespace {

/// Bytes that the allocator may add to each tensor.
constexpr int64_t kSlack = 64;

/// Bytes of the integers and scales, without the padding that the kernels want.
int64_t stored_bytes(const nn::QuantisedForm& form) {
  const auto scale = static_cast<int64_t>(c10::elementSize(form.scale_type));
  return form.out * form.in * form.bits / 8 + form.out * form.groups() * scale;
}

class QuantisedProductOnDevice : public testing::Test {
 protected:
  /// The test device, which counts its bytes.
  const at::Device device_ = load_test_device();
};

TEST_F(QuantisedProductOnDevice, ProductsAreThoseOfTheDequantisedWeight) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kOut = 70;
  for (const int bits : {4, 8}) {
    for (const auto& [in, group] :
         std::vector<std::pair<int64_t, int64_t>>{{8, 8}, {264, 264}, {256, 64}}) {
      SCOPED_TRACE(testing::Message() << bits << " bits, " << in << " by " << group);
      const RandomWeight weight(kOut, in, bits, group, at::kBFloat16);
      const auto bytes_in_use = test_device_counters().bytes_in_use;
      const int64_t before = bytes_in_use();
      const auto moved = nn::on_device(weight.matrix, device_);
      EXPECT_LE(bytes_in_use() - before, stored_bytes(weight.matrix.form()) + 2 * kSlack);

      const auto values = weight.matrix.values().to(device_);
      EXPECT_TRUE(at::equal(moved->values().cpu(), values.cpu()));
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        const auto x = random_tensor({3, in}).to(type).to(device_);
        const auto bias = random_tensor({kOut}).to(type).to(device_);
        const auto y = nn::linear(x, *moved, bias);
        EXPECT_EQ(y.device(), device_);
        EXPECT_TRUE(at::equal(y.cpu(), at::linear(x, values.to(type), bias).cpu()));
      }
    }
  }
}

TEST_F(QuantisedProductOnDevice, WholeWordsAreNeeded) {
  const RandomWeight weight(70, /*in=*/12, /*bits=*/8, /*group=*/12, at::kFloat);
  EXPECT_EQ(nn::on_device(weight.matrix, device_), nullptr);
}

TEST_F(QuantisedProductOnDevice, TheGradientIsThatOfTheDequantisedWeight) {
  const RandomWeight weight(/*out=*/70, /*in=*/64, /*bits=*/4, /*group=*/32, at::kBFloat16);
  const auto moved = nn::on_device(weight.matrix, device_);
  const auto values = weight.matrix.values().to(device_);
  const auto start = random_tensor({5, 64}), slope = random_tensor({5, 70}).to(device_);
  const auto gradient_with = [&](const auto& product) {
    const auto x = start.to(device_).requires_grad_(true);
    (product(x) * slope).sum().backward();
    return x.grad().cpu();
  };
  const auto found = gradient_with([&](const Tensor& x) { return nn::linear(x, *moved, {}); });
  const auto expected = gradient_with([&](const Tensor& x) { return at::linear(x, values); });
  EXPECT_LE(relative_error(found, expected), 1e-5);
}

PipelineOptions on_test_device() {
  PipelineOptions options;
  options.device = kTestDevice;
  options.device_plugin = test_device_library();
  options.dtype = DataType::kFloat32;
  return options;
}

class QuantisedOnDevice : public testing::TestWithParam<const char*> {
 protected:
  const at::Device device_ = load_test_device();
};

TEST_P(QuantisedOnDevice, TheTransformersWeightsStayPacked) {
  const torch::NoGradGuard no_grad;
  const TemporaryDirectory folder;
  write_quantised_copy(tiny_model_dir(), GetParam(), folder.path() / "model");
  const auto checkpoint = pipeline::Checkpoint::open(folder.path() / "model", on_test_device());
  const auto bytes_in_use = test_device_counters().bytes_in_use;
  const int64_t before = bytes_in_use();
  auto model = checkpoint.load_transformer(/*adapters=*/{}, /*progress=*/{});
  const int64_t packed = bytes_in_use() - before;

  const auto& config = checkpoint.transformer;
  auto input = models::picture_input(at::randn({1, config.in_channels, 12, 10}).to(device_),
                                     at::randint(0, 16, {1, 6 * 5}, at::kLong).to(device_),
                                     96,
                                     80);
  input.glyphs = at::randn({1, 5, config.text_embed_dim}).to(device_);
  input.prior_drop = at::zeros({1}, at::kBool).to(device_);
  input.timestep = at::full({1}, 300.0F).to(device_);
  const auto found = model->forward(input).cpu();

  int64_t layers = 0, saved = 0;
  for (const auto& [name, layer] : nn::linear_layers(*model)) {
    if (!layer->quantised) continue;
    ++layers;
    const auto& form = layer->quantised->form();
    saved += form.out * form.in * static_cast<int64_t>(sizeof(float)) - stored_bytes(form);
    layer->weight.set_data(layer->quantised->values());
    layer->quantised = nullptr;
  }
  EXPECT_GT(layers, 0);
  EXPECT_LE(packed, bytes_in_use() - before - saved + 2 * layers * kSlack);
  EXPECT_TRUE(at::equal(found, model->forward(input).cpu()));
}

TEST_P(QuantisedOnDevice, APictureIsDrawn) {
  const TemporaryDirectory folder;
  write_quantised_copy(tiny_model_dir(), GetParam(), folder.path() / "model");
  const auto bytes_in_use = test_device_counters().bytes_in_use;
  const int64_t before = bytes_in_use();
  {
    auto pipeline = Pipeline::load(folder.path() / "model", on_test_device());
    const auto result = pipeline.generate(request_of(reference_cases().front()));
    EXPECT_EQ(result.pictures.size(), 1U);
  }
  EXPECT_EQ(bytes_in_use(), before);
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         QuantisedOnDevice,
                         testing::Values("q8", "q4"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace glm_image::test

#endif
