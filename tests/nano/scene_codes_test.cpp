#include "nano/training/scene_codes.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/random.h"
#include "nano/shared_source.h"
#include "nano/training/token_kinds.h"
#include "nano/training/token_parts.h"
#include "pipeline/image_settings.h"
#include "support/reference.h"
#include "train/weights/component_files.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kSide = 256;
constexpr text::Grid kGrid{8, 8};

/// Nano's codebook with an untrained teacher: different content mostly has different codes.
class SceneCodesTest : public testing::Test {
 protected:
  void SetUp() override {
    const at::TensorOptions options(at::kFloat);
    const auto teacher = make_code_teacher(feed_.source(), codes_.code_vectors().size(1), options);
    auto random = make_random(5);
    for (auto& weight : teacher->parameters()) {
      weight.set_data(at::randn(weight.sizes(), random, options));
    }
    train::write_component(
        folder_.path() / kCodeTeacher, io::Json::object(), *teacher, "model.safetensors");
    scene_codes_.emplace(folder_.path(), codes_, feed_.source(), at::kCPU, at::kFloat);
  }

  Tensor encode(const PosterExample& example) {
    const auto kinds = token_kinds(feed_.source(), example.scene, example.layout, kGrid);
    return scene_codes_->encode(feed_.renderer(), example, kinds, kGrid);
  }

  test::TemporaryDirectory folder_;
  PosterFeed feed_{test::poster_folder(), /*seed=*/17};
  train::PictureCodes codes_{
      test::project_dir() / "models" / "nano" / "vision_language_encoder",
      pipeline::ImageSettings::load(test::project_dir() / "models" / "nano" / "processor"),
      at::kCPU,
      at::kFloat};
  std::optional<SceneCodes> scene_codes_;
};

TEST_F(SceneCodesTest, AreTheSameForTheSamePartsOfTheSameItems) {
  std::map<std::vector<int64_t>, std::set<int64_t>> codes_of_content;
  int64_t tokens = 0;
  for (int64_t index = 0; index < 60; ++index) {
    const auto example = feed_.example(index, kSide, kSide);
    const auto codes = encode(example);
    ASSERT_EQ(codes.sizes(), at::IntArrayRef({kGrid.size()}));
    const auto kinds = token_kinds(feed_.source(), example.scene, example.layout, kGrid);
    const auto parts = token_parts(feed_.source(), example, kGrid);
    for (int64_t token = 0; token < kGrid.size(); ++token) {
      std::vector<int64_t> content{kinds[token].item<int64_t>()};
      if (content[0] == 0) continue;
      for (int64_t question = 0; question < parts.size(0); ++question) {
        content.push_back(parts[question][token].item<int64_t>());
      }
      codes_of_content[content].insert(codes[token].item<int64_t>());
      ++tokens;
    }
  }
  std::set<int64_t> all;
  for (const auto& [content, codes] : codes_of_content) {
    EXPECT_EQ(codes.size(), 1U);
    all.insert(codes.begin(), codes.end());
  }
  ASSERT_GT(tokens, static_cast<int64_t>(codes_of_content.size()));
  // An untrained teacher still distinguishes contents roughly.
  EXPECT_GT(all.size(), codes_of_content.size() / 10);
}

TEST_F(SceneCodesTest, AFlatBackgroundHasOneCodePerColour) {
  std::map<std::string, std::set<int64_t>> codes_of_colour;
  for (int64_t index = 0; index < 60; ++index) {
    const auto example = feed_.example(index, kSide, kSide);
    const auto& ground = example.scene.background;
    if (ground.second) continue;
    const auto kinds = token_kinds(feed_.source(), example.scene, example.layout, kGrid);
    const auto codes = encode(example).masked_select(kinds == 0);
    for (int64_t i = 0; i < codes.size(0); ++i) {
      codes_of_colour[ground.first.id].insert(codes[i].item<int64_t>());
    }
  }
  ASSERT_GT(codes_of_colour.size(), 8U);
  std::set<int64_t> all;
  for (const auto& [colour, codes] : codes_of_colour) {
    EXPECT_EQ(codes.size(), 1U) << colour;
    all.insert(codes.begin(), codes.end());
  }
  EXPECT_GT(all.size(), 3U);
}

TEST_F(SceneCodesTest, AMissingTeacherIsAnError) {
  test::TemporaryDirectory empty;
  test::expect_error(ErrorCode::kNotFound, {kCodeTeacher}, [&] {
    SceneCodes(empty.path(), codes_, feed_.source(), at::kCPU, at::kFloat);
  });
}

}  // namespace
}  // namespace glm_image::nano
