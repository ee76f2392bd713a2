#include "pipeline/picture_metadata.h"

#include <nlohmann/json.hpp>

#include "glm_image/limits.h"
#include "image/exif_comment.h"
#include "support/test_support.h"

namespace glm_image::pipeline {
namespace {

using test::expect_error;

constexpr image::ImageFormat kFormats[] = {
    image::ImageFormat::kPng, image::ImageFormat::kJpeg, image::ImageFormat::kWebp};

Recipe recipe_with(const std::string& prompt) {
  Recipe recipe;
  auto& request = recipe.request;
  request.prompt = prompt;
  request.texts = {"Faso"};
  request.width = 96;
  request.height = 64;
  request.steps = 20;
  request.guidance = 1.5;
  request.solver = Solver::kMultistep;
  request.guided = GuidanceInterval{0, 0.6};
  request.guidance_every = 1;
  request.step_cache = 0.1;
  request.reference_pixels = 500000;
  request.adapters = std::vector<AdapterUse>{{"style", 0.5}};
  request.seed = limits::kMaxSeed;
  request.temperature = 0.8;
  recipe.condition_images = 2;
  recipe.model = "nano";
  recipe.version = "0.1.0";
  recipe.cluster_wire = "int8";
  return recipe;
}

Image picture() {
  return {4, 4, std::vector<uint8_t>(48, 100)};
}

TEST(PictureMetadata, EveryFormatTellsHowItsPictureWasMade) {
  // The second prompt imitates the end of a comment.
  for (const auto& prompt :
       {std::string("Affiche : « Wẽnd 🎨 »\nen deux lignes, 10 \"mots\""),
        std::string("a pot, glm-image: \"{}\"\nSteps: 3, glm-image: \"{\\\"prompt\\\": 1}\""),
        std::string(limits::kMaxPromptBytes, '\x01')}) {
    const auto recipe = recipe_with(prompt);
    for (const auto format : kFormats) {
      image::EncodeOptions options;
      add_source_mark(/*is_edit=*/true, options);
      add_parameters(recipe, options);
      const auto file = image::encode_image(picture(), format, options);
      EXPECT_EQ(recipe_json(read_parameters(file, "it")).dump(), recipe_json(recipe).dump());
      EXPECT_NE(image::read_metadata_blocks(file, "it").xmp.find("compositeWith"),
                std::string::npos);
    }
  }
}

// Other programs read the first lines as the prompt and the last as settings, in which a value with
// commas is a JSON string.
TEST(PictureMetadata, TheCommentIsInTheFormOfOtherPrograms) {
  image::EncodeOptions options;
  add_parameters(recipe_with("a pot"), options);
  const auto comment = image::exif_comment(options.blocks.exif).value_or("");
  EXPECT_EQ(split_comment(comment).parameters, options.text.at(0).second);
  const std::string begin = "a pot\nSteps: 20, Sampler: Multistep, CFG scale: 1.5, Seed: ";
  EXPECT_EQ(comment.substr(0, begin.size()), begin);
  EXPECT_NE(comment.find(", Cluster wire: int8, Version"), std::string::npos) << comment;
  const auto key = comment.rfind(", glm-image: ");
  ASSERT_NE(key, std::string::npos);
  const auto value = nlohmann::json::parse(comment.substr(key + 13));
  EXPECT_EQ(nlohmann::json::parse(value.get<std::string>()).at("prompt"), "a pot");
  EXPECT_EQ(comment.substr(0, key), options.text.at(0).second);
}

TEST(PictureMetadata, TheMarkStaysWithoutParameters) {
  for (const auto format : kFormats) {
    image::EncodeOptions options;
    add_source_mark(/*is_edit=*/false, options);
    const auto file = image::encode_image(picture(), format, options);
    const auto blocks = image::read_metadata_blocks(file, "it");
    EXPECT_EQ(blocks.exif, "");
    EXPECT_NE(blocks.xmp.find("/trainedAlgorithmicMedia\""), std::string::npos);
    expect_error(ErrorCode::kInvalidInput, {"a.jpg", "does not say how it was made"}, [&] {
      read_parameters(file, "a.jpg");
    });
  }
}

TEST(PictureMetadata, CommentsOfOtherProgramsHoldNoParameters) {
  for (const char* comment : {"", "a pot\nSteps: 20", "a pot, glm-image: ", "x, glm-image: \"{"}) {
    EXPECT_EQ(split_comment(comment).recipe, std::nullopt) << comment;
    EXPECT_EQ(split_comment(comment).parameters, comment);
    image::EncodeOptions options;
    options.blocks.exif = image::exif_with_comment(comment, "p");
    const auto file = image::encode_image(picture(), image::ImageFormat::kJpeg, options);
    expect_error(ErrorCode::kInvalidInput, {"a.jpg"}, [&] { read_parameters(file, "a.jpg"); });
  }
  image::EncodeOptions options;
  options.blocks.exif = image::exif_with_comment("x, glm-image: \"{}\"", "p");
  const auto file = image::encode_image(picture(), image::ImageFormat::kWebp, options);
  expect_error(
      ErrorCode::kCorruptFile, {"a.webp", "prompt"}, [&] { read_parameters(file, "a.webp"); });
}

}  // namespace
}  // namespace glm_image::pipeline
