#include "server/picture_answer.h"

#include "image/codec.h"
#include "pipeline/picture_metadata.h"
#include "server/edit_request.h"
#include "support/checked_request.h"
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

Request drawable() {
  return test::checked_request("a pot", 128, 64, /*steps=*/20, /*guidance=*/2);
}

pipeline::Recipe recipe_in(const std::string& file) {
  return pipeline::read_parameters(file, "answer.png");
}

TEST(PictureAnswer, APngStoresItsOwnSizeAndTheDrawnOne) {
  ImageRequest wanted;
  wanted.request = drawable();
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

// Whole pictures and early ones, in every format of the API.
TEST(PictureAnswer, EveryFormatTellsWhereItsPictureComesFrom) {
  ImageRequest wanted;
  wanted.request = drawable();
  const Preview preview{drawn(64, 32).image, 0, 0, false};
  const auto xmp = [](const std::string& file) {
    return image::read_metadata_blocks(file, "answer").xmp;
  };
  for (const auto format :
       {image::ImageFormat::kPng, image::ImageFormat::kJpeg, image::ImageFormat::kWebp}) {
    wanted.format = format;
    for (const int64_t pictures : {0, 2}) {
      wanted.condition_images = pictures;
      const std::string term =
          pictures == 0 ? "/trainedAlgorithmicMedia\"" : "/compositeWithTrainedAlgorithmicMedia\"";
      const auto file = encode_picture(drawn(128, 64), wanted, ModelInfo());
      EXPECT_EQ(pipeline::read_parameters(file, "answer").condition_images, pictures);
      EXPECT_NE(xmp(file).find(term), std::string::npos);
      EXPECT_NE(xmp(encode_preview(preview, wanted)).find(term), std::string::npos);
    }
    auto silent = wanted;
    silent.metadata = false;
    const auto file = encode_picture(drawn(128, 64), silent, ModelInfo());
    EXPECT_THROW(pipeline::read_parameters(file, "answer"), Error);
    EXPECT_NE(xmp(file).find("DigitalSourceType"), std::string::npos);
  }
}

TEST(PictureAnswer, ReportsTextsAndTheRewrittenPrompt) {
  ImageRequest wanted;
  wanted.request = drawable();
  wanted.request.prompt = "a better pot";
  wanted.request.verify = true;
  wanted.asked_prompt = "a pot";
  wanted.width = 64;
  wanted.height = 32;
  Result result;
  result.pictures = {drawn(128, 64)};
  TextCheck check;
  check.text = "POT";
  check.state = TextState::kSimilar;
  check.read = "P0T";
  check.similarity = 2.0 / 3;
  check.box = PictureBox{20, 10, 40, 20};
  result.pictures[0].verification = {check};
  const auto json = answer_json(wanted, result, {"cGljdHVyZQ=="});
  const auto& picture = json.at("data").at(0);
  EXPECT_EQ(picture.at("revised_prompt"), "a better pot");
  EXPECT_EQ(picture.at("verification").at(0).at("read"), "P0T");
  EXPECT_EQ(picture.at("verification").at(0).at("box").dump(),
            R"({"left":10,"top":5,"width":20,"height":10})");
  EXPECT_EQ(json.at("warnings").at(0).at("code"), "text_not_right");
  const auto event = completed_event("image_generation", wanted, result, 0, "picture");
  for (const char* part : {"\"verification\":[{", "\"revised_prompt\":", "text_not_right"}) {
    EXPECT_NE(event.find(part), std::string::npos) << part;
  }
  wanted.request.verify = false;
  wanted.asked_prompt = wanted.request.prompt;
  result.pictures[0].verification.clear();
  const auto silent = answer_json(wanted, result, {"cGljdHVyZQ=="});
  EXPECT_FALSE(silent.at("data").at(0).contains("verification"));
  EXPECT_FALSE(silent.at("data").at(0).contains("revised_prompt"));
  EXPECT_TRUE(silent.at("warnings").empty());
}

TEST(PictureAnswer, ContainsTheWarningsAboutPictures) {
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
