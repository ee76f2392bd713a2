// The pipeline on the plugin's device, or on one that the environment names: the reference's values
// at each stage, and the CPU's picture.

#include <map>

#include "device_plugin/test_device.h"
#include "support/reference_run.h"

namespace glm_image::test {
namespace {

PipelineOptions on_device(DataType dtype, const DeviceUnderTest& device = device_under_test()) {
  PipelineOptions options;
  options.device = device.name;
  options.device_plugin = device.plugin;
  options.dtype = dtype;
  return options;
}

Recording record(DataType dtype, const Request& request) {
  Recording recording;
  draw_recorded(pipeline::Checkpoint::open(tiny_model_dir(), on_device(dtype)), request, recording);
  return recording;
}

class PipelineOnDevice : public testing::TestWithParam<ReferenceCase> {
 protected:
  const at::Device device_ = load_device_under_test();
};

TEST_P(PipelineOnDevice, AgreesWithTheReferenceAtEveryStage) {
  const auto& reference = GetParam();
  const auto recording = record(DataType::kFloat32, request_of(reference));
  const auto expect_close = [&](const Tensor& found, const Tensor& expected) {
    EXPECT_LE(relative_error(found, expected), kStageTolerance);
  };

  /// Checks that a recorded stage was computed on the device and has the reference's value.
  const auto expect_stage = [&](const std::string& found, const std::string& expected) {
    SCOPED_TRACE(found);
    const auto& value = recording.at(found).at(0);
    EXPECT_EQ(value.device(), device_);
    expect_close(value, reference.tensor(expected));
  };
  expect_stage("glyph.embeds", "glyph.embeds");
  expect_stage("glyph.negative_embeds", "glyph.negative_embeds");
  expect_stage("dit.cond", "dit.step0_cond");
  if (reference.has("dit.step0_uncond")) expect_stage("dit.uncond", "dit.step0_uncond");
  expect_stage("image", "image");
  if (reference.has("vit.features")) {
    expect_close(at::cat(recording.at("vit.features")), reference.tensor("vit.features"));
    const auto& latents = recording.at("vae.condition_latent");
    for (size_t k = 0; k < latents.size(); ++k) {
      EXPECT_EQ(latents[k].device(), device_);
      expect_close(latents[k], reference.tensor("vae.condition_latent_" + std::to_string(k)));
    }
  }

  expect_close(recording.at("ar.prefill_logits_last")[0],
               reference.tensor("ar.prefill_logits_last"));
  const auto decode_logits = reference.tensor("ar.decode_logits");
  for (int64_t i = 0; i < decode_logits.size(0); ++i) {
    expect_close(recording.at("ar.decode_logits").at(i), decode_logits[i]);
  }
  const auto generated = recording.at("ar.generated")[0];
  EXPECT_TRUE(
      at::equal(generated, reference.tensor("ar.generated").narrow(0, 0, generated.size(0))));

  EXPECT_TRUE(
      at::equal(recording.at("latents.initial")[0].cpu(), reference.tensor("latents.initial")))
      << "the noise must not depend on the device";
  const auto steps = reference.tensor("latents.steps");
  ASSERT_EQ(static_cast<int64_t>(recording.at("latents.steps").size()), steps.size(0));
  for (int64_t i = 0; i < steps.size(0); ++i) {
    expect_close(recording.at("latents.steps")[i], steps[i]);
  }
}

TEST_P(PipelineOnDevice, DrawsTheCpusPicture) {
  const auto request = request_of(GetParam());
  PipelineOptions on_cpu;
  on_cpu.dtype = DataType::kFloat32;
  const auto expected = Pipeline::load(tiny_model_dir(), on_cpu).generate(request);

  auto pipeline = Pipeline::load(tiny_model_dir(), on_device(DataType::kFloat32));
  const auto found = pipeline.generate(request);

  EXPECT_LE(largest_difference(found.pictures.at(0).image, expected.pictures.at(0).image), 2);
  EXPECT_EQ(found.pictures[0].composition.picture.tokens,
            expected.pictures[0].composition.picture.tokens);
}

TEST_P(PipelineOnDevice, TheTestDeviceComputesAndHoldsNothingAfterwards) {
  load_test_device();  // for its counters, whichever device is tested
  const auto counters = test_device_counters();
  const int64_t bytes_before = counters.bytes_in_use();
  std::map<std::string, int64_t> runs_before;
  const auto kernels = {"aten::addmm", "aten::bmm", "aten::convolution_overrideable", "aten::cat"};
  for (const char* kernel : kernels) runs_before[kernel] = counters.kernel_runs(kernel);

  auto pipeline = Pipeline::load(
      tiny_model_dir(), on_device(DataType::kFloat32, {kTestDevice, test_device_library()}));
  EXPECT_EQ(pipeline.info().device.substr(pipeline.info().device.find(':')), ":1");
  pipeline.generate(request_of(GetParam()));

  for (const char* kernel : kernels) {
    EXPECT_GT(counters.kernel_runs(kernel), runs_before[kernel]) << kernel;
  }
  EXPECT_EQ(counters.bytes_in_use(), bytes_before) << "device memory is still held after the run";
}

TEST_P(PipelineOnDevice, BFloat16StaysNear) {
  const auto& reference = GetParam();
  auto request = request_of(reference);
  // Use the same tokens, since rounding may change the generator's.
  request.composition = Pipeline::load(tiny_model_dir(), on_device(DataType::kFloat32))
                            .generate(request)
                            .pictures.at(0)
                            .composition;
  const auto recording = record(DataType::kBFloat16, request);
  EXPECT_EQ(recording.at("dit.cond")[0].device(), device_);
  EXPECT_LE(relative_error(recording.at("dit.cond")[0], reference.tensor("dit.step0_cond")), 0.15);
}

INSTANTIATE_TEST_SUITE_P(Tiny,
                         PipelineOnDevice,
                         testing::ValuesIn(reference_cases()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace glm_image::test
