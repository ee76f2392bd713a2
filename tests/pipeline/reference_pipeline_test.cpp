// The whole pipeline on the toy checkpoint, against the values that the reference recorded at each
// stage.

#include <iomanip>
#include <map>
#include <sstream>

#include "image/codec.h"
#include "support/reference_run.h"

namespace glm_image::test {
namespace {

using pipeline::Checkpoint;

Checkpoint open_tiny(DataType dtype) {
  PipelineOptions options;
  options.dtype = dtype;
  return Checkpoint::open(tiny_model_dir(), options);
}

/// Reports the largest error of each stage as a property of the test (--gtest_output=json:FILE).
class StageErrors {
 public:
  double add(const std::string& stage, double error) {
    auto& largest = largest_[stage];
    largest = std::max(largest, error);
    return error;
  }
  void record() const {
    for (const auto& [stage, error] : largest_) {
      std::ostringstream digits;
      digits << std::setprecision(2) << error;
      testing::Test::RecordProperty(stage, digits.str());
    }
  }

 private:
  std::map<std::string, double> largest_;
};

class ReferencePipeline : public testing::TestWithParam<ReferenceCase> {};

TEST_P(ReferencePipeline, AgreesAtEveryStage) {
  const auto& reference = GetParam();
  const auto checkpoint = open_tiny(DataType::kFloat32);
  Recording recording;
  const auto result = draw_recorded(checkpoint, request_of(reference), recording);

  EXPECT_EQ(result.spelled_texts,
            reference.request.at("glyph_texts").get<std::vector<std::string>>());
  EXPECT_TRUE(at::equal(recording.at("ar.input_ids")[0], reference.tensor("ar.input_ids")));

  StageErrors errors;
  const auto near = [&](const char* stage, const Tensor& found, const Tensor& expected) {
    EXPECT_LE(errors.add(stage, relative_error(found, expected)), kStageTolerance) << stage;
  };
  const auto close = [&](const Tensor& found, const std::string& name) {
    near(name.c_str(), found, reference.tensor(name));
  };
  if (reference.has("ar.pixel_values")) {
    // The same 8-bit pixels, scaled in another order: equal up to rounding.
    EXPECT_LE(relative_error(at::cat(recording.at("ar.pixel_values")),
                             reference.tensor("ar.pixel_values")),
              1e-6);
    close(at::cat(recording.at("vit.features")), "vit.features");
    const auto& latents = recording.at("vae.condition_latent");
    for (size_t k = 0; k < latents.size(); ++k) {
      close(latents[k], "vae.condition_latent_" + std::to_string(k));
    }
  }
  close(recording.at("ar.prefill_logits_last")[0], "ar.prefill_logits_last");
  const auto decode_logits = reference.tensor("ar.decode_logits");
  for (int64_t i = 0; i < decode_logits.size(0); ++i) {
    near("ar.decode_logits", recording.at("ar.decode_logits")[i], decode_logits[i]);
  }

  // The reference also samples the end marker.
  const auto generated = recording.at("ar.generated")[0];
  EXPECT_TRUE(
      at::equal(generated, reference.tensor("ar.generated").narrow(0, 0, generated.size(0))));
  const auto& grid = result.pictures[0].composition.picture;
  EXPECT_TRUE(at::equal(torch::tensor(grid.tokens)
                            .view({grid.height, grid.width})
                            .repeat_interleave(2, 0)
                            .repeat_interleave(2, 1)
                            .flatten(),
                        reference.tensor("prior.token_ids")));

  close(recording.at("glyph.embeds")[0], "glyph.embeds");
  close(recording.at("glyph.negative_embeds")[0], "glyph.negative_embeds");
  EXPECT_TRUE(at::equal(recording.at("latents.initial")[0], reference.tensor("latents.initial")));
  close(recording.at("dit.cond")[0], "dit.step0_cond");
  if (reference.has("dit.step0_uncond")) {
    close(recording.at("dit.uncond")[0], "dit.step0_uncond");
  } else {
    EXPECT_EQ(recording.count("dit.uncond"), 0U) << "guidance 1 needs no unconditional branch";
  }
  const auto steps = reference.tensor("latents.steps");
  ASSERT_EQ(static_cast<int64_t>(recording.at("latents.steps").size()), steps.size(0));
  for (int64_t i = 0; i < steps.size(0); ++i) {
    SCOPED_TRACE(i);
    near("latents.steps", recording.at("latents.steps")[i], steps[i]);
  }
  close(recording.at("image")[0], "image");
  errors.record();
}

TEST_P(ReferencePipeline, GeneratesTheReferencePicture) {
  const auto& reference = GetParam();
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  auto pipeline = Pipeline::load(tiny_model_dir(), options);
  const auto drawn = pipeline.generate(request_of(reference)).pictures.at(0).image;
  const auto expected =
      image::read_image(tiny_dir() / reference.request.at("expected_png").get<std::string>());
  EXPECT_LE(largest_difference(drawn, expected), 2);
}

TEST_P(ReferencePipeline, BFloat16StaysClose) {
  const auto& reference = GetParam();
  const auto checkpoint = open_tiny(DataType::kBFloat16);
  // Use the reference's tokens: rounding may lead to others, and the DiT would paint those.
  auto request = request_of(reference);
  Recording recording;
  const auto composed = draw_recorded(open_tiny(DataType::kFloat32), request, recording);
  request.composition = composed.pictures[0].composition;
  recording.clear();
  const auto result = draw_recorded(checkpoint, request, recording);
  EXPECT_LE(relative_error(recording.at("dit.cond")[0], reference.tensor("dit.step0_cond")), 0.15);
  if (reference.has("dit.step0_uncond")) {
    EXPECT_LE(relative_error(recording.at("dit.uncond")[0], reference.tensor("dit.step0_uncond")),
              0.15);
  }
  EXPECT_EQ(result.pictures.size(), 1U);

  // End to end, from the prompt.
  request.composition.reset();
  EXPECT_EQ(draw_recorded(checkpoint, request, recording).pictures.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Tiny,
                         ReferencePipeline,
                         testing::ValuesIn(reference_cases()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace glm_image::test
