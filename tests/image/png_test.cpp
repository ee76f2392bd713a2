#include <vector>

#include "image/codec.h"
#include "image/picture_files.h"

namespace glm_image::image {
namespace {

using test::png_chunk;

struct ColorCase {
  const char* name;
  int depth;
  test::PngColor color;
  bool transparent;  ///< with a tRNS chunk
};

int channels(test::PngColor color) {
  switch (color) {
    case test::kGreyAlpha:
      return 2;
    case test::kRgb:
      return 3;
    case test::kRgba:
      return 4;
    default:
      return 1;
  }
}

class PngColorTest : public testing::TestWithParam<ColorCase> {
 protected:
  static constexpr int kWidth = 7, kHeight = 5;

  /// A value in the range of the bit depth, different for neighbouring samples.
  int sample(int x, int y, int channel) const {
    const int count = 1 << GetParam().depth;
    return (x * 2654435 + y * 40503 + channel * 7919 + x * y * 257) % count;
  }

  std::string rows() const {
    const int depth = GetParam().depth;
    std::string bytes;
    for (int y = 0; y < kHeight; ++y) {
      bytes.push_back('\0');
      int pending = 0, pending_bits = 0;
      for (int x = 0; x < kWidth; ++x) {
        for (int c = 0; c < channels(GetParam().color); ++c) {
          pending = pending << depth | sample(x, y, c);
          for (pending_bits += depth; pending_bits >= 8; pending_bits -= 8) {
            bytes.push_back(static_cast<char>(pending >> (pending_bits - 8)));
            pending &= (1 << (pending_bits - 8)) - 1;
          }
        }
      }
      if (pending_bits > 0) bytes.push_back(static_cast<char>(pending << (8 - pending_bits)));
    }
    return bytes;
  }

  static int palette_entry(int index, int channel) { return (index * 37 + channel * 101) & 255; }

  std::string extra_chunks() const {
    const auto& param = GetParam();
    std::string chunks;
    if (param.color == test::kPalette) {
      std::string palette;
      for (int i = 0; i < 1 << param.depth; ++i) {
        for (int c = 0; c < 3; ++c) palette.push_back(static_cast<char>(palette_entry(i, c)));
      }
      chunks += png_chunk("PLTE", palette);
    }
    if (param.transparent) {
      const std::string zero(2, '\0');
      chunks += png_chunk("tRNS",
                          param.color == test::kPalette ? std::string("\x00\x80", 2)
                          : param.color == test::kGrey  ? zero
                                                        : zero + zero + zero);
    }
    return chunks;
  }

  int expected(int x, int y, int channel) const {
    const auto& param = GetParam();
    if (param.color == test::kPalette) return palette_entry(sample(x, y, 0), channel);
    const bool grey = param.color == test::kGrey || param.color == test::kGreyAlpha;
    const int value = sample(x, y, grey ? 0 : channel);
    // Pillow takes the upper byte, except for plain grey, where it rounds.
    if (param.depth == 16 && param.color == test::kGrey) return (value + 128) / 257;
    return param.depth == 16 ? value >> 8 : value * 255 / ((1 << param.depth) - 1);
  }
};

TEST_P(PngColorTest, BecomesRgb) {
  const auto& param = GetParam();
  const auto header = test::png_header(kWidth, kHeight, param.depth, param.color);
  const auto image = decode_image(test::png_file(header, rows(), extra_chunks()), param.name);
  ASSERT_EQ(image.width, kWidth);
  ASSERT_EQ(image.height, kHeight);
  ASSERT_EQ(image.pixels.size(), std::size_t{kWidth * kHeight * 3});
  for (int y = 0, at = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c, ++at) {
        ASSERT_EQ(image.pixels[static_cast<std::size_t>(at)], expected(x, y, c))
            << "x " << x << " y " << y << " channel " << c;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         PngColorTest,
                         testing::Values(ColorCase{"Grey1", 1, test::kGrey, false},
                                         ColorCase{"Grey2", 2, test::kGrey, false},
                                         ColorCase{"Grey4", 4, test::kGrey, false},
                                         ColorCase{"Grey8", 8, test::kGrey, false},
                                         ColorCase{"Grey16", 16, test::kGrey, false},
                                         ColorCase{"Grey1Transparent", 1, test::kGrey, true},
                                         ColorCase{"Grey8Transparent", 8, test::kGrey, true},
                                         ColorCase{"Grey16Transparent", 16, test::kGrey, true},
                                         ColorCase{"Rgb8", 8, test::kRgb, false},
                                         ColorCase{"Rgb16", 16, test::kRgb, false},
                                         ColorCase{"Rgb8Transparent", 8, test::kRgb, true},
                                         ColorCase{"Palette1", 1, test::kPalette, false},
                                         ColorCase{"Palette2", 2, test::kPalette, false},
                                         ColorCase{"Palette4", 4, test::kPalette, false},
                                         ColorCase{"Palette8", 8, test::kPalette, false},
                                         ColorCase{"Palette2Transparent", 2, test::kPalette, true},
                                         ColorCase{"Palette8Transparent", 8, test::kPalette, true},
                                         ColorCase{"GreyAlpha8", 8, test::kGreyAlpha, false},
                                         ColorCase{"GreyAlpha16", 16, test::kGreyAlpha, false},
                                         ColorCase{"Rgba8", 8, test::kRgba, false},
                                         ColorCase{"Rgba16", 16, test::kRgba, false}),
                         [](const auto& tested) { return tested.param.name; });

TEST(Png, InterlacedRowsFallIntoPlace) {
  const auto picture = test::gradient(11, 9);
  // The seven passes of Adam7: first column, first row, step in x, step in y.
  constexpr int kPasses[7][4] = {{0, 0, 8, 8},
                                 {4, 0, 8, 8},
                                 {0, 4, 4, 8},
                                 {2, 0, 4, 4},
                                 {0, 2, 2, 4},
                                 {1, 0, 2, 2},
                                 {0, 1, 1, 2}};
  std::string rows;
  for (const auto& [x0, y0, dx, dy] : kPasses) {
    for (int64_t y = y0; y < picture.height && x0 < picture.width; y += dy) {
      rows.push_back('\0');
      for (int64_t x = x0; x < picture.width; x += dx) {
        const auto* pixel = &picture.pixels[static_cast<std::size_t>((y * picture.width + x) * 3)];
        rows.append(reinterpret_cast<const char*>(pixel), 3);
      }
    }
  }
  const auto header = test::png_header(11, 9, 8, test::kRgb, /*interlaced=*/true);
  EXPECT_EQ(test::max_difference(decode_image(test::png_file(header, rows), "it"), picture), 0);
}

TEST(Png, MetadataChunksAreSkipped) {
  const auto picture = test::gradient(8, 6);
  const auto large = png_chunk("iCCP", std::string(9 << 20, 'x'));  // exceeds libpng's own limit
  const auto unknown = png_chunk("wHAt", "?") + png_chunk("zTXt", "not compressed");
  const auto image = decode_image(test::rgb_png(picture, large + unknown), "it");
  EXPECT_EQ(test::max_difference(image, picture), 0);
}

}  // namespace
}  // namespace glm_image::image
