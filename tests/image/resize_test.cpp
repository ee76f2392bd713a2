#include "image/resize.h"

#include <nlohmann/json.hpp>

#include "image/codec.h"
#include "image/picture_files.h"
#include "io/safetensors.h"

namespace glm_image::image {
namespace {

using glm_image::test::expect_error;

TEST(Resize, EqualsPillow) {
  const auto source = read_image(test::picture_dir() / "resize_source.png");
  const std::pair<int64_t, int64_t> sizes[] = {
      {61, 17}, {37, 50}, {5, 29}, {74, 58}, {18, 14}, {1, 1}};
  for (const auto& [width, height] : sizes) {
    const auto size = std::to_string(width) + "x" + std::to_string(height) + ".png";
    const auto bicubic = read_image(test::picture_dir() / ("resize_bicubic_" + size));
    EXPECT_EQ(test::max_difference(resize_bicubic(source, width, height), bicubic), 0) << size;
    const auto lanczos = read_image(test::picture_dir() / ("resize_lanczos_" + size));
    EXPECT_EQ(test::max_difference(resize_lanczos(source, width, height), lanczos), 0) << size;
  }
}

/// Reverts the reference's rescaling and normalisation of the vision input, rows of 16×16 patches.
Image from_patches(const Tensor& patches, int64_t rows, int64_t columns) {
  constexpr int64_t kPatch = 16;
  const auto bytes = ((patches * 0.5 + 0.5) * 255)
                         .round()
                         .to(at::kByte)
                         .view({rows, columns, 3, kPatch, kPatch})
                         .permute({0, 3, 1, 4, 2})
                         .contiguous();
  const auto* data = bytes.data_ptr<uint8_t>();
  return {columns * kPatch, rows * kPatch, {data, data + bytes.numel()}};
}

TEST(Resize, ReproducesTheReferencesVisionInput) {
  const auto tiny = glm_image::test::data_dir() / "tiny";
  const auto cases = nlohmann::json::parse(glm_image::test::read_file(tiny / "cases.json"));
  int compared = 0;
  for (const auto& item : cases) {
    if (!item.contains("image_files")) continue;
    const auto file = io::SafetensorsFile::open(tiny / item["expected"].get<std::string>());
    const auto patches = file->tensor("ar.pixel_values");
    const auto grids = file->tensor("ar.image_grid_thw");
    int64_t first = 0;
    for (std::size_t i = 0; i < item["image_files"].size(); ++i) {
      const auto grid = grids[static_cast<int64_t>(i)];
      const int64_t rows = grid[1].item<int64_t>(), columns = grid[2].item<int64_t>();
      const auto expected = from_patches(patches.narrow(0, first, rows * columns), rows, columns);
      first += rows * columns;
      const auto source = read_image(tiny / item["image_files"][i].get<std::string>());
      const auto resized = resize_bicubic(source, expected.width, expected.height);
      EXPECT_EQ(test::max_difference(resized, expected), 0) << item["image_files"][i];
      ++compared;
    }
    EXPECT_EQ(first, patches.size(0));
  }
  EXPECT_EQ(compared, 3);
}

TEST(Resize, KeepsOneColour) {
  for (const int value : {0, 1, 127, 254, 255}) {
    const Image image{13, 7, std::vector<uint8_t>(13 * 7 * 3, static_cast<uint8_t>(value))};
    for (const auto& [width, height] : {std::pair(40, 3), std::pair(2, 90), std::pair(13, 1)}) {
      for (const auto& resized :
           {resize_bicubic(image, width, height), resize_lanczos(image, width, height)}) {
        EXPECT_EQ(resized.pixels,
                  std::vector<uint8_t>(static_cast<std::size_t>(width * height * 3),
                                       static_cast<uint8_t>(value)));
      }
    }
  }
}

TEST(Resize, ASideThatKeepsItsLengthKeepsItsPixels) {
  const auto image = test::gradient(31, 9);
  EXPECT_EQ(test::max_difference(resize_lanczos(image, 31, 9), image), 0);
  // If all rows of a picture are equal, resizing its height keeps them.
  Image equal_rows{31, 4, {}};
  for (int y = 0; y < 4; ++y) {
    equal_rows.pixels.insert(
        equal_rows.pixels.end(), image.pixels.begin(), image.pixels.begin() + 31 * 3);
  }
  for (const auto& resized :
       {resize_bicubic(equal_rows, 31, 11), resize_lanczos(equal_rows, 31, 2)}) {
    for (std::size_t i = 0; i < resized.pixels.size(); ++i) {
      ASSERT_EQ(resized.pixels[i], image.pixels[i % (31 * 3)]);
    }
  }
}

TEST(Resize, RefusesInvalidSizes) {
  const auto image = test::gradient(4, 4);
  for (const auto& [width, height] : {std::pair(0, 4), std::pair(4, 0), std::pair(-1, 4)}) {
    expect_error(ErrorCode::kInvalidInput, {"resized"}, [&, w = width, h = height] {
      resize_bicubic(image, w, h);
    });
  }
  expect_error(
      ErrorCode::kInvalidInput, {"100000"}, [&] { resize_lanczos(image, 100000, 100000); });
  expect_error(ErrorCode::kInvalidInput, {"RGB pixels"}, [] {
    resize_bicubic(Image{4, 4, std::vector<uint8_t>(3)}, 2, 2);
  });
}

}  // namespace
}  // namespace glm_image::image
