#include "cli/terminal_picture.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "core/base64.h"
#include "core/text_format.h"
#include "image/codec.h"
#include "image/resize.h"

namespace glm_image::cli {
namespace {

constexpr int64_t kMostPixelsOfASide = 512;
constexpr std::string_view kStringEnd = "\x1b\\";

constexpr int kLevels = 6;  ///< of red, green and blue
constexpr int kColours = kLevels * kLevels * kLevels;
constexpr int64_t kBandHeight = 6;  ///< rows of pixels in a row of sixels

Image fitted(const Image& image) {
  const auto longest = std::max(image.width, image.height);
  if (longest <= kMostPixelsOfASide) return image;
  const auto side = [&](int64_t pixels) {
    return std::max<int64_t>(1, pixels * kMostPixelsOfASide / longest);
  };
  return image::resize_lanczos(image, side(image.width), side(image.height));
}

/// The nearest colour's number.
int colour_of(const uint8_t* pixel) {
  constexpr int kStep = 255 / (kLevels - 1);
  int colour = 0;
  for (int channel = 0; channel < 3; ++channel) {
    colour = colour * kLevels + (pixel[channel] + kStep / 2) / kStep;
  }
  return colour;
}

/// A colour as "#7;2;0;20;100", in percent.
std::string definition(int colour) {
  constexpr int kPercent = 100 / (kLevels - 1);
  return concat('#',
                colour,
                ";2;",
                colour / (kLevels * kLevels) * kPercent,
                ';',
                colour / kLevels % kLevels * kPercent,
                ';',
                colour % kLevels * kPercent);
}

/// Adds `count` equal sixels; four and more as a repetition.
void add_run(std::string& text, char sixel, int64_t count) {
  constexpr int64_t kShortestRepetition = 4;
  if (count >= kShortestRepetition) {
    text += concat('!', count, sixel);
  } else {
    text.append(static_cast<std::size_t>(count), sixel);
  }
}

/// One colour of a band; `sixels` holds six bits for each column.
void add_colour(std::string& text, int colour, const std::vector<uint8_t>& sixels) {
  constexpr char kFirstSixel = '?';
  text += concat('#', colour);
  auto end = sixels.end();
  while (end != sixels.begin() && *(end - 1) == 0) --end;
  for (auto begin = sixels.begin(); begin != end;) {
    const auto next = std::find_if(begin, end, [&](uint8_t bits) { return bits != *begin; });
    add_run(text, static_cast<char>(kFirstSixel + *begin), next - begin);
    begin = next;
  }
}

}  // namespace

std::string kitty_picture(std::string_view png) {
  constexpr std::size_t kMostBytesOfAChunk = 4096;
  const auto data = base64(png);
  std::string text;
  for (std::size_t begin = 0; begin < data.size(); begin += kMostBytesOfAChunk) {
    const bool is_last = begin + kMostBytesOfAChunk >= data.size();
    text += concat("\x1b_G",
                   begin == 0 ? "a=T,f=100," : "",
                   "q=2,m=",
                   is_last ? 0 : 1,
                   ';',
                   data.substr(begin, kMostBytesOfAChunk),
                   kStringEnd);
  }
  return text;
}

std::string iterm_picture(std::string_view file) {
  return concat("\x1b]1337;File=inline=1;size=", file.size(), ':', base64(file), '\a');
}

std::string sixel_picture(const Image& image) {
  std::vector<int> colours(static_cast<std::size_t>(image.width * image.height));
  std::array<bool, kColours> is_used = {};
  for (std::size_t i = 0; i < colours.size(); ++i) {
    colours[i] = colour_of(&image.pixels[3 * i]);
    is_used[static_cast<std::size_t>(colours[i])] = true;
  }
  std::string text = concat("\x1bPq\"1;1;", image.width, ';', image.height);
  for (int colour = 0; colour < kColours; ++colour) {
    if (is_used[static_cast<std::size_t>(colour)]) text += definition(colour);
  }
  for (int64_t top = 0; top < image.height; top += kBandHeight) {
    std::array<std::vector<uint8_t>, kColours> band;
    for (int64_t y = top; y < std::min(top + kBandHeight, image.height); ++y) {
      for (int64_t x = 0; x < image.width; ++x) {
        auto& sixels =
            band[static_cast<std::size_t>(colours[static_cast<std::size_t>(y * image.width + x)])];
        if (sixels.empty()) sixels.resize(static_cast<std::size_t>(image.width));
        sixels[static_cast<std::size_t>(x)] |= static_cast<uint8_t>(1 << (y - top));
      }
    }
    bool is_first = true;
    for (int colour = 0; colour < kColours; ++colour) {
      const auto& sixels = band[static_cast<std::size_t>(colour)];
      if (sixels.empty()) continue;
      if (!is_first) text += '$';  // back to the left
      is_first = false;
      add_colour(text, colour, sixels);
    }
    text += '-';  // the next band
  }
  return text + std::string(kStringEnd);
}

std::string terminal_picture(const Image& image, PictureProtocol protocol) {
  if (protocol == PictureProtocol::kNone) return "";
  const auto small = fitted(image);
  if (protocol == PictureProtocol::kSixel) return sixel_picture(small);
  const auto png = image::encode_image(small, image::ImageFormat::kPng);
  return protocol == PictureProtocol::kKitty ? kitty_picture(png) : iterm_picture(png);
}

}  // namespace glm_image::cli
