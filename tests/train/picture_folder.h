#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "image/codec.h"
#include "support/test_support.h"

namespace glm_image::test {

/// A picture of one colour with a brighter rectangle, which differ by `number`.
inline Image plain_picture(int64_t width, int64_t height, int number) {
  Image image{width, height, {}};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const bool inside = x > width / 4 && y > height / (2 + number % 3) && x < 3 * width / 4;
      for (int channel = 0; channel < 3; ++channel) {
        const int value = (number * (53 + 40 * channel)) % 160 + (inside ? 90 : 0);
        image.pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return image;
}

/// Adds a picture to a folder, with a caption in a text file beside it.
inline void add_picture(const std::filesystem::path& folder,
                        const std::string& name,
                        const Image& image,
                        const std::string& caption) {
  image::write_image(folder / name, image);
  write_file((folder / name).replace_extension(".txt"), caption);
}

/// Four pictures of different shapes, two of which have quoted texts.
inline void add_four_pictures(const std::filesystem::path& folder) {
  add_picture(folder, "a.png", plain_picture(64, 64, 1), "A pear and the word \"OPEN\"");
  add_picture(folder, "b.png", plain_picture(70, 64, 2), "A plum");
  add_picture(folder, "c.png", plain_picture(128, 32, 3), "A long table");
  add_picture(folder, "d.png", plain_picture(64, 64, 4), "Two texts: \"A\" and \"B\"");
}

/// Adds a line to the folder's metadata.jsonl.
inline void add_row(const std::filesystem::path& folder, const nlohmann::json& row) {
  const auto file = folder / "metadata.jsonl";
  write_file(file, (std::filesystem::exists(file) ? read_file(file) : "") + row.dump() + "\n");
}

}  // namespace glm_image::test
