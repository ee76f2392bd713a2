// Public functions for files of pictures.

#include "glm_image/picture_file.h"

#include "image/codec.h"
#include "pipeline/picture_metadata.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

Image gradient() {
  Image image{64, 32, std::vector<uint8_t>(64 * 32 * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i);
  return image;
}

TEST(ImageFile, WhatIsWrittenIsRead) {
  const TemporaryDirectory folder;
  const auto image = gradient();
  for (const char* name : {"a.png", "a.webp"}) {
    write_image(folder.path() / name, image, /*quality=*/100);
    EXPECT_EQ(read_image(folder.path() / name).pixels, image.pixels) << name;
  }
  write_image(folder.path() / "a.jpg", image);
  EXPECT_EQ(read_image(folder.path() / "a.jpg").width, 64);
  const auto bytes = encode_image(image, ImageFormat::kPng);
  EXPECT_EQ(decode_image(bytes, "bytes").pixels, image.pixels);
  EXPECT_EQ(bytes, read_file(folder.path() / "a.png"));
}

TEST(ImageFile, ErrorsHaveTheirCodes) {
  const TemporaryDirectory folder;
  const auto file = [&](const char* name) { return folder.path() / name; };
  const auto image = gradient();
  expect_error(ErrorCode::kNotFound, {"gone.png"}, [&] { read_image(file("gone.png")); });
  expect_error(ErrorCode::kCorruptFile, {"empty"}, [] { decode_image("", "empty"); });
  expect_error(ErrorCode::kUnsupported, {"a.gif"}, [] { decode_image("GIF89a", "a.gif"); });
  expect_error(ErrorCode::kInvalidInput, {"a.gif"}, [&] { write_image(file("a.gif"), image); });
  expect_error(ErrorCode::kOutput, {"no/a.png"}, [&] { write_image(file("no/a.png"), image); });
  expect_error(ErrorCode::kInvalidInput, {"quality"}, [&] {
    encode_image(image, ImageFormat::kJpeg, /*quality=*/0);
  });
  expect_error(ErrorCode::kInvalidInput, {}, [] {
    encode_image({64, 64, {1, 2, 3}}, ImageFormat::kPng);
  });
}

TEST(PictureFile, SaysHowItsPictureWasMade) {
  const TemporaryDirectory folder;
  auto pipeline = Pipeline::load(tiny_model_dir());
  Request request;
  request.prompt = "a pot";
  request.width = request.height = 64;
  request.steps = 1;
  request.seed = 3;
  request.condition_images = {gradient()};
  const auto checked = pipeline.check(request);
  const auto result = pipeline.generate(checked);
  const auto& picture = result.pictures.front();
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    const auto path = folder.path() / name;
    write_picture(path, picture, checked, pipeline.info());
    const auto recipe = pipeline::read_parameters(path);
    EXPECT_EQ(recipe.request.prompt, "a pot");
    EXPECT_EQ(recipe.request.seed, 3U);
    EXPECT_EQ(recipe.condition_images, 1);
    EXPECT_EQ(pipeline::read_metadata(path).source, "compositeWithTrainedAlgorithmicMedia");
  }
  PictureFileOptions bare;
  bare.parameters = false;
  // Without parameters nothing of the request is stored, so that it need not be checked.
  const auto bytes = encode_picture(picture, request, pipeline.info(), ImageFormat::kPng, bare);
  EXPECT_FALSE(pipeline::read_metadata(bytes, "bytes").recipe);
  EXPECT_EQ(decode_image(bytes, "bytes").pixels, picture.image.pixels);
  expect_error(ErrorCode::kInvalidInput, {"Pipeline::check"}, [&] {
    encode_picture(picture, request, pipeline.info(), ImageFormat::kPng);
  });
}

}  // namespace
}  // namespace glm_image::test
