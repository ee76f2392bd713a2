#include "pipeline/picture_sizes.h"

#include <cmath>

#include "glm_image/limits.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using pipeline::fitting_grid;

Image grey(int64_t width, int64_t height) {
  return {width, height, std::vector<uint8_t>(static_cast<size_t>(3 * width * height), 90)};
}

Request edit_of(int64_t width, int64_t height) {
  Request request;
  request.prompt = "make it night";
  request.condition_images = {grey(width, height)};
  request.steps = 1;
  return request;
}

double shape_error(const text::Grid& grid, double shape) {
  const auto own = static_cast<double>(grid.width) / static_cast<double>(grid.height);
  return std::fabs(std::log(own / shape));
}

TEST(PictureSizes, SmallPicturesGetTheNearestMultiples) {
  const auto expect = [](int64_t width, int64_t height, const text::Grid& expected) {
    const auto grid = fitting_grid(height, width, 1024);
    EXPECT_EQ(grid.height, expected.height) << width << "x" << height;
    EXPECT_EQ(grid.width, expected.width) << width << "x" << height;
  };
  expect(100, 70, {2, 3});
  expect(1, 1, {1, 1});
  expect(1024, 1024, {32, 32});
  expect(1030, 1010, {32, 32});
  expect(641, 427, {13, 20});
}

TEST(PictureSizes, LargePicturesKeepTheirShape) {
  const auto expect = [](int64_t width, int64_t height, int64_t tokens, const text::Grid& best) {
    const auto grid = fitting_grid(height, width, tokens);
    EXPECT_EQ(grid.height, best.height) << width << "x" << height;
    EXPECT_EQ(grid.width, best.width) << width << "x" << height;
    const auto turned = fitting_grid(width, height, tokens);
    EXPECT_EQ(turned.height, best.width) << height << "x" << width;
    EXPECT_EQ(turned.width, best.height) << height << "x" << width;
  };
  expect(4032, 3024, 64, {6, 8});
  expect(4032, 3024, 1024, {27, 36});
  expect(6000, 4000, 1024, {26, 39});
  expect(5000, 5000, 64, {8, 8});
  expect(8192, 2048, 64, {4, 16});
  expect(16384, 4096, 1 << 20, {32, 128});  // no side exceeds 4096 pixels
}

TEST(PictureSizes, NoGridWithinTheLimitLosesLess) {
  for (const int64_t tokens : {1, 2, 7, 64, 333, 1024}) {
    for (const auto& [width, height] : std::vector<std::pair<int64_t, int64_t>>{
             {4032, 3024}, {3024, 4032}, {4000, 1001}, {5616, 3744}, {9999, 9998}, {7000, 2500}}) {
      const auto shape = static_cast<double>(width) / static_cast<double>(height);
      const auto loss = [&](const text::Grid& grid) {
        return 10 * shape_error(grid, shape) - std::log(static_cast<double>(grid.size()));
      };
      const auto grid = fitting_grid(height, width, tokens);
      EXPECT_LE(grid.size(), tokens);
      for (int64_t rows = 1; rows <= tokens; ++rows) {
        for (int64_t columns = 1; rows * columns <= tokens; ++columns) {
          ASSERT_LE(loss(grid), loss({rows, columns}) + 1e-9)
              << width << "x" << height << " in " << tokens << ": " << grid.width << "x"
              << grid.height << " against " << columns << "x" << rows;
        }
      }
    }
  }
}

TEST(PictureSizes, PhotosAreScaledDownToTheModelsSize) {
  const auto pipeline = Pipeline::load(tiny_model_dir());  // trained at 1024×1024
  auto checked = pipeline.check(edit_of(4032, 3024));
  EXPECT_EQ(checked.width, 1152);
  EXPECT_EQ(checked.height, 864);
  checked = pipeline.check(edit_of(3024, 4032));
  EXPECT_EQ(checked.width, 864);
  EXPECT_EQ(checked.height, 1152);
  expect_error(ErrorCode::kInvalidInput, {"8000×1000", "4 times"}, [&] {
    pipeline.check(edit_of(8000, 1000));
  });
  auto second = edit_of(320, 256);
  second.condition_images.push_back(edit_of(8000, 1000).condition_images.front());
  expect_error(ErrorCode::kInvalidInput, {"picture 2: has 8000×1000 pixels"}, [&] {
    pipeline.check(second);
  });
}

TEST(PictureSizes, MaxPixelsHoldsForEveryRequest) {
  auto pipeline = Pipeline::load(tiny_model_dir());
  auto request = edit_of(4032, 3024);
  request.max_pixels = 256 * 256;
  auto checked = pipeline.check(request);
  EXPECT_EQ(checked.width, 256);
  EXPECT_EQ(checked.height, 192);

  Request plain;
  plain.prompt = "a pot";
  plain.max_pixels = 100 * 100;
  checked = pipeline.check(plain);
  EXPECT_EQ(checked.width, 96);
  EXPECT_EQ(checked.height, 96);
  plain.width = 128;
  plain.height = 96;
  expect_error(ErrorCode::kInvalidInput, {"10000", "128x96"}, [&] { pipeline.check(plain); });
  plain.max_pixels = 5;
  expect_error(
      ErrorCode::kInvalidInput, {"max_pixels", "1024", "5"}, [&] { pipeline.check(plain); });

  request.max_pixels = 96 * 96;
  const auto drawn = pipeline.generate(request).pictures.at(0).image;
  checked = pipeline.check(request);
  EXPECT_EQ(drawn.width, checked.width);
  EXPECT_EQ(drawn.height, checked.height);
}

TEST(PictureSizes, ReferencePixelsBoundWhatTheModelReads) {
  auto pipeline = Pipeline::load(tiny_model_dir());
  auto request = edit_of(1024, 768);
  request.width = request.height = 64;
  request.condition_images.push_back(grey(128, 128));
  const auto pixels = [&](int64_t reference_pixels) {
    request.reference_pixels = reference_pixels;
    std::vector<int64_t> each;
    for (const auto& size : pipeline.check(request).condition_sizes) {
      each.push_back(size.width * size.height);
    }
    return each;
  };
  const auto own = pixels(0);
  ASSERT_EQ(own.size(), 2U);
  EXPECT_EQ(pixels(limits::kMaxReferencePixels), own);
  auto largest = own;
  for (const int64_t bound : {256 * 256, 160 * 160, 100 * 100}) {
    const auto bounded = pixels(bound);
    for (size_t i = 0; i < bounded.size(); ++i) {
      EXPECT_LE(bounded[i], std::min(bound, largest[i]));
    }
    // Not smaller than necessary.
    EXPECT_GT(bounded.at(0), bound / 2);
    largest = bounded;
  }
  // What is drawn was read at these sizes.
  const auto checked = pipeline.check(request);
  const auto result = pipeline.generate(request);
  const auto& grid = result.pictures.at(0).composition.conditions.at(0);
  EXPECT_EQ(grid.height * text::kTokenSide, checked.condition_sizes.at(0).height);
  EXPECT_EQ(grid.width * text::kTokenSide, checked.condition_sizes.at(0).width);
  // The size of the new picture does not depend on it.
  auto sized = edit_of(320, 256);
  sized.reference_pixels = 100 * 100;
  EXPECT_EQ(pipeline.check(sized).width, 320);
  for (const int64_t wrong : {-1, 1023}) {
    request.reference_pixels = wrong;
    expect_error(
        ErrorCode::kInvalidInput, {"reference-pixels", "1024"}, [&] { pipeline.check(request); });
  }
}

/// The toy model with a context of `tokens` tokens.
Pipeline with_context(const TemporaryDirectory& folder, int64_t tokens) {
  namespace fs = std::filesystem;
  fs::copy(tiny_model_dir(), folder.path(), fs::copy_options::recursive);
  const auto path = folder.path() / "vision_language_encoder" / "config.json";
  auto config = read_file(path);
  const std::string key = "\"max_position_embeddings\": 4096";
  const auto at = config.find(key);
  EXPECT_NE(at, std::string::npos);
  config.replace(at, key.size(), "\"max_position_embeddings\": " + std::to_string(tokens));
  fs::permissions(path, fs::perms(0644));
  write_file(path, config);
  return Pipeline::load(folder.path());
}

TEST(PictureSizes, EverythingFitsIntoTheContext) {
  const TemporaryDirectory folder;
  constexpr int64_t kContext = 300;
  auto pipeline = with_context(folder, kContext);
  auto request = edit_of(2016, 1512);
  const auto result = pipeline.generate(request);
  EXPECT_LE(result.prompt_tokens + result.condition_tokens + result.generated_tokens, kContext);
  // Neither is reduced more than necessary.
  EXPECT_GT(result.condition_tokens, 80);
  EXPECT_GT(result.generated_tokens, 80);
  const auto& image = result.pictures.at(0).image;
  EXPECT_NEAR(static_cast<double>(image.width) / static_cast<double>(image.height), 4.0 / 3, 0.1);
  const auto& read = result.pictures.at(0).composition.conditions.at(0);
  EXPECT_NEAR(static_cast<double>(read.width) / static_cast<double>(read.height), 4.0 / 3, 0.2);

  // A composition keeps the sizes of its condition images, whatever the prompt.
  request.composition = result.pictures.at(0).composition;
  request.prompt += " with a long, long story about everything that is to be seen there";
  EXPECT_EQ(pipeline.generate(request).pictures.at(0).composition.conditions.at(0).tokens,
            read.tokens);

  request.composition.reset();
  request.width = request.height = 64;
  for (int picture = 0; picture < 5; ++picture) {
    request.condition_images.push_back(grey(300 + 200 * picture, 400));
  }
  EXPECT_NO_THROW(pipeline.check(request));
  request.prompt = std::string(20000, 'x');
  expect_error(ErrorCode::kInvalidInput, {"prompt is too long", "of the pictures", "300"}, [&] {
    pipeline.check(request);
  });
}

// Which of prompt, size and pictures is too large, the refusal says first.
TEST(PictureSizes, ARefusalNamesWhatTakesMostOfTheContext) {
  const auto begins = [](const Pipeline& pipeline, const Request& request) {
    try {
      pipeline.check(request);
    } catch (const Error& error) {
      const std::string message = error.what();
      return message.substr(0, message.find_first_of(",:"));
    }
    return std::string("fits");
  };
  const TemporaryDirectory small, whole;
  auto pipeline = with_context(whole, 4096);
  Request request;
  request.prompt = "a";
  request.width = request.height = 2048;  // 4096 tokens, and those of the preview
  EXPECT_EQ(begins(pipeline, request), "size 2048x2048 is too large");
  request.prompt.clear();
  for (int word = 0; word < 30000; ++word) request.prompt += "x ";  // each is a token at least
  EXPECT_EQ(begins(pipeline, request), "prompt is too long");
  request.width = request.height = 64;
  EXPECT_EQ(begins(pipeline, request), "prompt is too long");
  request.prompt = "a";
  EXPECT_EQ(begins(pipeline, request), "fits");
  // Many pictures, each of which is read with a few tokens at least.
  pipeline = with_context(small, 60);
  request.condition_images.assign(16, grey(640, 640));
  EXPECT_EQ(begins(pipeline, request), "pictures to start from");
  request.condition_images.clear();
  request.width = request.height = 512;
  EXPECT_EQ(begins(pipeline, request), "size 512x512 is too large");
}

}  // namespace
}  // namespace glm_image::test
