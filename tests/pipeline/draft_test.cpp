#include "glm_image/pipeline.h"
#include "pipeline/token_file.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

Request request() {
  Request request;
  request.prompt = "Une affiche jaune avec le titre « Saaba »";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  request.seed = 5;
  return request;
}

Pipeline tiny() {
  return Pipeline::load(data_dir() / "tiny" / "model");
}

TEST(Draft, IsTheWholeRunsPreviewGrid) {
  auto pipeline = tiny();
  const auto whole = pipeline.generate(request());
  auto wanted = request();
  wanted.draft = true;
  wanted.count = 2;
  const auto drafts = pipeline.generate(wanted);
  ASSERT_EQ(drafts.pictures.size(), 2U);
  const auto& draft = drafts.pictures[0];
  EXPECT_TRUE(draft.composition.is_draft());
  EXPECT_EQ(draft.composition.preview.tokens, whole.pictures[0].composition.preview.tokens);
  EXPECT_NE(drafts.pictures[1].composition.preview.tokens, draft.composition.preview.tokens);
  EXPECT_EQ(draft.image.width, 32 * draft.composition.preview.width);
  EXPECT_EQ(draft.image.height, 32 * draft.composition.preview.height);
  EXPECT_EQ(draft.composition.picture.width, 3);
  EXPECT_EQ(draft.composition.picture.height, 2);
  EXPECT_EQ(drafts.generated_tokens,
            2 * static_cast<int64_t>(draft.composition.preview.tokens.size()));
}

TEST(Draft, IsCompletedToAPictureOfTheAskedSize) {
  auto pipeline = tiny();
  auto wanted = request();
  wanted.draft = true;
  const auto draft = pipeline.generate(wanted).pictures[0].composition;
  auto completed = request();
  completed.composition = draft;
  const auto result = pipeline.generate(completed);
  const auto& picture = result.pictures[0];
  EXPECT_EQ(picture.image.width, 96);
  EXPECT_EQ(picture.image.height, 64);
  EXPECT_FALSE(picture.composition.is_draft());
  EXPECT_EQ(picture.composition.preview.tokens, draft.preview.tokens);
  EXPECT_EQ(picture.composition.picture.tokens.size(), 6U);
  // The same draft and seed give the same picture.
  EXPECT_EQ(pipeline.generate(completed).pictures[0].image.pixels, picture.image.pixels);
}

TEST(Draft, SurvivesItsFile) {
  auto pipeline = tiny();
  auto wanted = request();
  wanted.draft = true;
  const auto resolved = pipeline.check(wanted);
  const auto picture = pipeline.generate(wanted).pictures[0];
  const TemporaryDirectory folder;
  const auto path = folder.path() / "draft-1.json";
  pipeline::save_tokens(
      path, picture.composition, pipeline::recipe_of(resolved, 0, picture, pipeline.info()));
  const auto file = pipeline::load_tokens(path);
  EXPECT_TRUE(file.composition.is_draft());
  EXPECT_EQ(file.composition.preview.tokens, picture.composition.preview.tokens);
  ASSERT_TRUE(file.recipe.has_value());
  EXPECT_EQ(file.recipe->request.prompt, request().prompt);
  EXPECT_EQ(file.recipe->request.width, 96);
  EXPECT_EQ(file.recipe->request.height, 64);
  EXPECT_EQ(file.recipe->request.seed, 5U);
  EXPECT_FALSE(file.recipe->request.draft);
}

TEST(Draft, IsRefusedWhereThereIsNoPreviewGrid) {
  auto pipeline = tiny();
  auto edit = request();
  edit.draft = true;
  edit.condition_images.push_back({64, 64, std::vector<uint8_t>(3 * 64 * 64, 128)});
  EXPECT_THROW(pipeline.check(edit), Error);

  auto wanted = request();
  wanted.draft = true;
  auto again = wanted;
  again.composition = pipeline.generate(wanted).pictures[0].composition;
  EXPECT_THROW(pipeline.check(again), Error) << "a draft of a draft";

  auto other_shape = request();
  other_shape.composition = again.composition;
  other_shape.composition->preview.width -= 1;
  other_shape.composition->preview.tokens.resize(other_shape.composition->preview.height *
                                                 other_shape.composition->preview.width);
  EXPECT_THROW(pipeline.check(other_shape), Error);
}

}  // namespace
}  // namespace glm_image::test
