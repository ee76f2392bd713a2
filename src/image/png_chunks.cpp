#include "image/png_chunks.h"

#include <zlib.h>

#include <optional>

#include "core/error.h"
#include "core/hex_digit.h"
#include "image/png_codec.h"
#include "image/png_session.h"
#include "text/unicode.h"

namespace glm_image::image {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kTypeBytes = 4;

/// libpng reads a text chunk between these: out of a file of one grey pixel, up to its pixel.
constexpr std::string_view kBeforeText(
    "\x89PNG\r\n\x1a\n"
    "\0\0\0\x0dIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0\x3a\x7e\x9b\x55",
    33);
constexpr std::string_view kAfterText("\0\0\0\0IDAT", 8);

/// libpng drops a text that needs more memory. It is larger than a text may be, so that the caller
/// can tell a text that is too long from a damaged one.
constexpr png_alloc_size_t kMaxTextAllocation = 8 * kMaxPngTextBytes;

/// The value of a text chunk; empty if it is damaged or absent, because damaged metadata is no
/// reason to reject a picture.
std::string value_of(const std::optional<PngChunk>& chunk, const std::string& name) {
  if (!chunk) return "";
  try {
    return png_chunk_text(*chunk, name);
  } catch (const Error&) {
    return "";
  }
}

/// Decodes ImageMagick's text form of a block of bytes: an empty line, its name, its size, and
/// lines of hexadecimal digits. Returns "" if there are other letters.
std::string raw_profile(std::string_view text) {
  constexpr int kHeadLines = 3;
  for (int line = 0; line < kHeadLines; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  std::string bytes;
  int high = -1;
  for (const char letter : text) {
    if (letter == ' ' || (letter >= '\t' && letter <= '\r')) continue;
    const int digit = hex_digit(letter);
    if (digit < 0) return "";
    if (high >= 0) bytes.push_back(static_cast<char>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return high >= 0 ? "" : bytes;
}

std::string_view keyword_of(const PngChunk& chunk) {
  return chunk.data.substr(0, chunk.data.find('\0'));
}

}  // namespace

std::string_view PngParser::take(std::size_t size) {
  if (size > rest_.size()) fail_corrupt("it ends too early");
  const auto part = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return part;
}

uint32_t PngParser::take_number() {
  uint32_t value = 0;
  for (const char byte : take(4)) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string_view PngParser::take_string() {
  const auto size = rest_.find('\0');
  if (size == std::string_view::npos) fail_corrupt("a text chunk is incomplete");
  return take(size + 1).substr(0, size);
}

void PngParser::fail_corrupt(const char* reason) const {
  fail(ErrorCode::kCorruptFile, name_, ": is a damaged PNG file: ", reason);
}

void PngParser::fail_too_much() const {
  fail(ErrorCode::kInvalidInput,
       name_,
       ": has too much text; the maximum is ",
       kMaxPngTexts,
       " texts and ",
       kMaxPngTextBytes,
       " bytes in total");
}

PngParser png_chunks(std::string_view file, const std::string& name) {
  PngParser parser(file, name);
  parser.take(kSignatureBytes);
  return parser;
}

PngChunk take_png_chunk(PngParser& file) {
  const auto from = file.rest();
  const std::size_t size = file.take_number();
  const auto checked = file.take(kTypeBytes + size);
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  const bool intact = file.take_number() == checksum;
  const auto stored = from.substr(0, from.size() - file.rest().size());
  return {checked.substr(0, kTypeBytes), checked.substr(kTypeBytes), stored, intact};
}

bool is_text(const PngChunk& chunk) {
  return chunk.type == "tEXt" || chunk.type == "zTXt" || chunk.type == "iTXt";
}

std::string png_chunk_text(const PngChunk& chunk, const std::string& name) {
  std::string file(kBeforeText);
  file.append(chunk.stored).append(kAfterText);
  PngReader reader(file, name);
  png_textp text = nullptr;
  int texts = 0;
  reader.read([&](png_structp png, png_infop info) {
    png_set_chunk_malloc_max(png, kMaxTextAllocation);
    png_set_benign_errors(png, /*allowed=*/1);  // some releases would not let it drop the chunk
    png_read_info(png, info);
    texts = png_get_text(png, info, &text, nullptr);
  });
  if (texts != 1) {
    PngParser(chunk.data, name).fail_corrupt("a text cannot be decoded, or is far too long");
  }
  return chunk.type == "iTXt" ? text->text : from_latin1(text->text);
}

std::string from_latin1(std::string_view latin1) {
  std::string utf8;
  for (const char letter : latin1) text::append_utf8(utf8, static_cast<unsigned char>(letter));
  return utf8;
}

PngNotes read_png_notes(std::string_view file, const std::string& name) {
  PngNotes notes;
  // The last of several is used; only that one is decompressed.
  std::optional<std::string_view> exif;
  std::optional<PngChunk> profile, xmp;
  bool before_pixels = true, has_frame = false;
  auto chunks = png_chunks(file, name);
  for (auto chunk = take_png_chunk(chunks); chunk.type != "IEND"; chunk = take_png_chunk(chunks)) {
    if (!chunk.intact) continue;
    if (chunk.type == "IDAT") before_pixels = false;
    if (before_pixels && chunk.type == "fcTL") has_frame = true;
    if (before_pixels && chunk.type == "acTL" && chunk.data.size() >= 4) {
      notes.frames = PngParser(chunk.data, name).take_number();
    }
    if (chunk.type == "eXIf") exif = chunk.data;
    if (!is_text(chunk)) continue;
    const auto keyword = keyword_of(chunk);
    if (keyword == "Raw profile type exif") profile = chunk;
    if (keyword == kPngXmpKeyword) xmp = chunk;
    if (keyword == "exif" && chunk.type == "tEXt" && chunk.data.size() > keyword.size()) {
      exif = chunk.data.substr(keyword.size() + 1);
    }
  }
  notes.still_is_frame = has_frame;
  notes.blocks.exif = exif ? std::string(*exif) : raw_profile(value_of(profile, name));
  notes.blocks.xmp = value_of(xmp, name);
  return notes;
}

}  // namespace glm_image::image
