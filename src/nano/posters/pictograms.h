#pragma once

#include <filesystem>

#include "nano/posters/font_room.h"
#include "nano/posters/palette.h"

namespace glm_image::posters {

struct Pictogram {
  std::string id;
  std::string characters;                    ///< its characters in Noto Color Emoji
  std::vector<std::string> french, english;  ///< names with an article: "un éléphant"
  int64_t width = 0, height = 0;             ///< of the picture, cropped to its ink
  std::vector<uint32_t> pixels;              ///< premultiplied, in cairo's ARGB32
  /// Ids of the colours against which too much of its outline is invisible.
  std::vector<std::string> hidden_on;

  /// Width and height, relative to the longer side.
  double relative_width() const;
  double relative_height() const;
};

/// pictograms.json: {font, pictograms: [{id, characters, french, english}]}. Throws kCorruptFile
/// for bad data and for characters that the font has no picture of.
class Pictograms {
 public:
  /// Reads only the file; `draw` renders the pictures.
  static Pictograms load(const std::filesystem::path& file);
  void draw(const FontRoom& room, const Palette& palette);

  const Typeface& face() const { return face_; }
  const std::vector<Pictogram>& all() const { return pictograms_; }
  /// Throws kInvalidInput if there is no such pictogram.
  const Pictogram& named(std::string_view id) const;

 private:
  std::string source_;
  Typeface face_;
  std::vector<Pictogram> pictograms_;
};

}  // namespace glm_image::posters
