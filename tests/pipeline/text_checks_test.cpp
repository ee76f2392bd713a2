#include "pipeline/text_checks.h"

#include "image/codec.h"
#include "pipeline/picture_metadata.h"
#include "support/checked_request.h"
#include "support/test_support.h"

namespace glm_image::pipeline {
namespace {

std::vector<TextCheck> some_checks() {
  TextCheck found;
  found.text = "OPEN DAY";
  found.state = TextState::kFound;
  found.read = "Open Day";
  found.similarity = 1;
  found.box = PictureBox{10, 20, 30, 40};
  found.unknown_letters = "ʋ";
  TextCheck similar;
  similar.text = "Marché";
  similar.state = TextState::kSimilar;
  similar.read = "Marche";
  similar.similarity = 5.0 / 6;
  TextCheck missing;
  missing.text = "« x »";
  TextCheck unread;
  unread.text = "ߒߞߏ";
  unread.state = TextState::kUnread;
  return {found, similar, missing, unread};
}

TEST(TextChecks, SurviveTheirJson) {
  const auto json = to_json(some_checks());
  EXPECT_EQ(json.at(0).at("state"), "found");
  EXPECT_EQ(json.at(0).at("box").at("width"), 30);
  EXPECT_EQ(json.at(1).at("similarity"), 0.833);
  EXPECT_TRUE(json.at(2).at("box").is_null());
  const io::JsonFields fields(io::Json{{"verification", json}}, "it");
  EXPECT_EQ(to_json(text_checks_from_json(fields, "verification")), json);
  EXPECT_TRUE(text_checks_from_json(fields, "other").empty());
  for (const char* wrong : {R"([{"text": "x"}])",
                            R"([{"text": "x", "state": "lost", "read": "", "similarity": 0}])",
                            R"([{"text": "x", "state": "found", "read": "", "similarity": 2}])",
                            R"([3])",
                            R"("x")"}) {
    const io::JsonFields bad(io::Json{{"verification", io::Json::parse(wrong)}}, "it");
    test::expect_error(
        ErrorCode::kCorruptFile, {"it"}, [&] { text_checks_from_json(bad, "verification"); });
  }
}

TEST(TextChecks, BoxesFollowTheSizeOfTheFile) {
  const auto checks = resized(some_checks(), 100, 100, 200, 50);
  ASSERT_TRUE(checks[0].box);
  EXPECT_EQ(checks[0].box->left, 20);
  EXPECT_EQ(checks[0].box->top, 10);
  EXPECT_EQ(checks[0].box->width, 60);
  EXPECT_EQ(checks[0].box->height, 20);
}

TEST(TextChecks, AWarningNamesWhatIsWrong) {
  Result result;
  result.pictures.resize(2);
  result.pictures[0].verification = {some_checks()[0]};
  result.pictures[1].verification = some_checks();
  const auto warnings = text_warnings(result);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].code, "text_not_right");
  EXPECT_EQ(warnings[0].message,
            "picture 2: similar \"Marché\": read \"Marche\" (0.83); missing \"« x »\"; unread "
            "\"ߒߞߏ\": there is no reader for its script");
  result.pictures.erase(result.pictures.begin());
  result.candidates = 4;
  EXPECT_EQ(text_warnings(result).at(0).message.rfind("none of 4 candidates", 0), 0U);
}

TEST(TextChecks, AreInThePicturesMetadata) {
  Recipe recipe;
  recipe.request = test::checked_request("a poster", 100, 100, /*steps=*/20, /*guidance=*/1.5);
  recipe.file_width = 200;
  recipe.file_height = 50;
  recipe.verification = some_checks();
  for (const auto format :
       {image::ImageFormat::kPng, image::ImageFormat::kJpeg, image::ImageFormat::kWebp}) {
    image::EncodeOptions options;
    add_parameters(recipe, options);
    const Image picture{4, 4, std::vector<uint8_t>(48, 100)};
    const auto metadata = read_metadata(image::encode_image(picture, format, options), "it");
    EXPECT_NE(metadata.parameters.find(", Texts right: 1 of 4"), std::string::npos);
    const auto json = io::Json::parse(*metadata.recipe);
    EXPECT_EQ(json.at("verification").at(0).at("box").at("left"), 20);
    // The picture can still be drawn again.
    EXPECT_EQ(parse_recipe(*metadata.recipe, "it").request.prompt, "a poster");
  }
}

}  // namespace
}  // namespace glm_image::pipeline
