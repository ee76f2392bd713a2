#pragma once

#include <filesystem>

#include "posters/font_room.h"
#include "posters/palette.h"

namespace glm_image::posters {

struct Pictogram {
  std::string id;
  std::string characters;                    ///< in Noto Color Emoji
  std::vector<std::string> french, english;  ///< names with their article: "un éléphant"
  int64_t width = 0, height = 0;             ///< of the picture, cut to what is drawn
  std::vector<uint32_t> pixels;              ///< premultiplied, as cairo's ARGB32
  /// Ids of the colours that too much of its rim resembles to be seen on them.
  std::vector<std::string> hidden_on;

  /// Width and height for a longer side of 1.
  double relative_width() const;
  double relative_height() const;
};

/// pictograms.json: {font, pictograms: [{id, characters, french, english}]}. Throws kCorruptFile
/// for bad data and for characters that the font has no picture of.
class Pictograms {
 public:
  /// Reads the file alone; `draw` makes the pictures.
  static Pictograms load(const std::filesystem::path& file);
  void draw(const FontRoom& room, const Palette& palette);

  const Typeface& face() const { return face_; }
  const std::vector<Pictogram>& all() const { return pictograms_; }
  /// Throws kInvalidInput when there is none.
  const Pictogram& named(std::string_view id) const;

 private:
  std::string source_;
  Typeface face_;
  std::vector<Pictogram> pictograms_;
};

}  // namespace glm_image::posters
