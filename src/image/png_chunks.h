#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image/exif_orientation.h"

/// The chunks of a PNG file that say nothing about its pixels. They are read by hand, since libpng
/// would decode all pixels on the way to those behind them, and silently drop what exceeds its
/// limits. A file is a signature and then chunks up to IEND; a chunk is the size of its data, four
/// letters of type, the data, and the checksum of type and data.
namespace glm_image::image {

/// Takes a file or a chunk apart from its front. Throws kCorruptFile where it ends too early.
class PngParser {
 public:
  /// Keeps a reference to the name.
  PngParser(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {}

  std::string_view take(std::size_t size);
  std::string_view take_rest() { return take(rest_.size()); }
  uint8_t take_byte() { return static_cast<uint8_t>(take(1)[0]); }
  uint32_t take_number();
  /// Up to a zero byte, which is taken as well.
  std::string_view take_string();

  [[noreturn]] void fail_corrupt(const char* reason) const;
  [[noreturn]] void fail_too_much() const;

 private:
  std::string_view rest_;
  const std::string& name_;
};

struct PngChunk {
  std::string_view type;
  std::string_view data;
  bool intact;  ///< whether its checksum is right
};

/// Of a whole file, past the signature.
PngParser png_chunks(std::string_view file, const std::string& name);
PngChunk take_png_chunk(PngParser& file);

/// Whether this is a tEXt, zTXt or iTXt chunk.
bool is_text(const PngChunk& chunk);
/// The value of a text chunk, decompressed, whose keyword has been taken: Latin-1 becomes UTF-8; an
/// iTXt stays as it is. Throws kCorruptFile, and kInvalidInput for more than kMaxPngTextBytes.
std::string take_png_text(PngParser& data, std::string_view type);

std::string from_latin1(std::string_view latin1);

/// What the chunks say about the picture as a whole.
struct PngNotes {
  OrientationNotes orientation;
  int64_t frames = 0;           ///< of an animated PNG; 0 for a still one
  bool still_is_frame = false;  ///< whether the picture itself is the first of them
};

/// Of a file that libpng has read. Where Pillow looks for the orientation: the last eXIf chunk (or
/// tEXt "exif") or, without one, the text "Raw profile type exif"; and the text
/// "XML:com.adobe.xmp". Damaged chunks count as absent.
PngNotes read_png_notes(std::string_view file, const std::string& name);

}  // namespace glm_image::image
