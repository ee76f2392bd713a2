#include "server/picture_answer.h"

#include "image/codec.h"
#include "pipeline/recipe.h"
#include "server/edit_request.h"
#include "support/test_support.h"

namespace glm_image::server {
namespace {

Picture drawn(int64_t width, int64_t height) {
  Picture picture;
  picture.image = {width, height, {}};
  for (int64_t i = 0; i < width * height * 3; ++i) {
    picture.image.pixels.push_back(static_cast<uint8_t>(i * i / 31));
  }
  picture.seed = 7;
  return picture;
}

pipeline::Recipe recipe_in(const std::string& png) {
  for (const auto& [key, text] : image::read_png_text(png, "answer.png")) {
    if (key == pipeline::kRecipeKey) return pipeline::parse_recipe(text, "answer.png");
  }
  throw std::runtime_error("no recipe");
}

TEST(PictureAnswer, APngRemembersItsOwnSizeAndTheDrawnOne) {
  ImageRequest wanted;
  wanted.request.prompt = "a pot";
  wanted.request.width = 128;
  wanted.request.height = 64;
  wanted.request.steps = 20;
  wanted.request.guidance = 2;
  wanted.width = 100;
  wanted.height = 60;
  const auto resized = encode_picture(drawn(128, 64), wanted, ModelInfo());
  EXPECT_EQ(image::decode_image(resized, "answer.png").width, 100);
  auto recipe = recipe_in(resized);
  EXPECT_EQ(recipe.request.width, 128);
  EXPECT_EQ(recipe.request.height, 64);
  EXPECT_EQ(recipe.file_width, 100);
  EXPECT_EQ(recipe.file_height, 60);
  const auto texts = image::read_png_text(resized, "answer.png");
  EXPECT_EQ(texts.at(0).first, pipeline::kParametersKey);
  EXPECT_NE(texts.at(0).second.find("Size: 100x60"), std::string::npos) << texts.at(0).second;

  wanted.width = wanted.height = 0;
  recipe = recipe_in(encode_picture(drawn(128, 64), wanted, ModelInfo()));
  EXPECT_EQ(recipe.request.width, 128);
  EXPECT_EQ(recipe.file_width, 0);
}

TEST(PictureAnswer, TellsTheWarningsAboutPictures) {
  ImageRequest wanted;
  const auto moving = glm_image::test::read_file(glm_image::test::data_dir().parent_path() /
                                                 "image" / "data" / "animated_3_frames.webp");
  image::Warnings noticed;
  decode_pictures({moving}, 1 << 20, wanted.request, "image", &noticed);
  ASSERT_EQ(noticed.size(), 1U);
  wanted.warnings.push_back({"picture", noticed[0]});
  Result result;
  result.pictures = {drawn(96, 64)};
  const auto json = answer_json(wanted, result, {"cGljdHVyZQ=="});
  ASSERT_EQ(json.at("warnings").size(), 1U);
  EXPECT_EQ(json.at("warnings").at(0).at("code"), "picture");
  const auto warning = json.at("warnings").at(0).at("message").get<std::string>();
  EXPECT_EQ(warning.rfind("picture 1: is an animated WebP file", 0), 0U) << warning;
  wanted.warnings.clear();
  EXPECT_TRUE(answer_json(wanted, result, {"cGljdHVyZQ=="}).at("warnings").empty());
}

}  // namespace
}  // namespace glm_image::server
