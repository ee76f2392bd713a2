#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image/metadata_blocks.h"

/// Finds the metadata chunks of a PNG file; libpng decodes the texts that are wanted. libpng does
/// not find them, because it would decode all pixels to reach the chunks after them. A file is a
/// signature followed by chunks up to IEND. A chunk is the size of its data, a type of four
/// letters, the data, and the checksum of type and data.
namespace glm_image::image {

/// Parses a file or a chunk from the front. Throws kCorruptFile if it ends too early.
class PngParser {
 public:
  /// Keeps a reference to `name`.
  PngParser(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {}

  std::string_view take(std::size_t size);
  std::string_view rest() const { return rest_; }
  uint32_t take_number();
  /// Takes the bytes before a zero byte, and the zero byte.
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
  std::string_view stored;  ///< the whole chunk
  bool intact;              ///< whether its checksum is correct
};

/// Returns a parser of a whole file, positioned after the signature.
PngParser png_chunks(std::string_view file, const std::string& name);
PngChunk take_png_chunk(PngParser& file);

/// Whether this is a tEXt, zTXt or iTXt chunk.
bool is_text(const PngChunk& chunk);
/// Returns the value of a text chunk. Latin-1 is converted to UTF-8; an iTXt value is returned
/// unchanged. It ends at a zero byte. Throws kCorruptFile for a damaged chunk, and for a text
/// several times as long as kMaxPngTextBytes.
std::string png_chunk_text(const PngChunk& chunk, const std::string& name);

std::string from_latin1(std::string_view latin1);

/// Metadata about the picture as a whole.
struct PngNotes {
  MetadataBlocks blocks;
  int64_t frames = 0;           ///< number of frames of an animated PNG; 0 for a still picture
  bool still_is_frame = false;  ///< whether the still picture is the first frame
};

/// Reads the metadata of a file that libpng has decoded. The blocks are read where Pillow
/// reads them: Exif in the last eXIf chunk (or tEXt "exif") or, without one, in the text "Raw
/// profile type exif"; XMP in the text "XML:com.adobe.xmp". Damaged chunks count as absent.
PngNotes read_png_notes(std::string_view file, const std::string& name);

}  // namespace glm_image::image
